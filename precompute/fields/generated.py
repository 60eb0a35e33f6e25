"""Fields whose values are made anew for each event: random digits, identifiers, counters.

Their number of values is beyond any pool, and their length is fixed, so a layout has one column for each.
"""

from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Constraint

from captures.notation.models import Integer, Model
from precompute.draws.streams import raw_bytes

_HEX_PAIRS: Final = np.frombuffer(b"".join(b"%04x" % number for number in range(1 << 16)), "V4")
"""The four hexadecimal digits of each number of 16 bits."""
_VARIANTS: Final = np.frombuffer(b"89ab" * 4, np.uint8)[
    np.array([int(chr(c), 16) if chr(c) in "0123456789abcdef" else 0 for c in range(128)])
]
"""The digit that a UUID has for its variant, which is one of four, by the random digit that was drawn there."""
_DECIMALS: Final = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "V4")


def _hex_digits(bits: np.random.Philox, rows: int, digits: int) -> NDArray[np.uint8]:
    """Random digits: shape (rows, digits), where the number of digits is rounded up to a multiple of four."""
    quads = -(-digits // 4)
    raw = raw_bytes(bits, rows * quads * 2).view("<u2")
    return _HEX_PAIRS.take(raw).view(np.uint8).reshape(rows, quads * 4)


class Generated(Model):
    """A field whose values are made, not chosen."""

    numbered: ClassVar[bool] = False
    """Whether a value depends on the number of its event."""

    @property
    def length(self) -> int:
        """Bytes of each value."""
        raise NotImplementedError

    @property
    def alphabet(self) -> str:
        """The characters of the values."""
        raise NotImplementedError

    def draw(self, bits: np.random.Philox, numbers: NDArray[np.int64]) -> NDArray[np.void]:
        """A value for each event, shape (events,), dtype V{length}.

        `numbers` are the events' places in the capture, from 0, or anything where they do not matter; shape (events,).
        """
        raise NotImplementedError


class Hex(Generated):
    """`hex: 16`: that many random hexadecimal digits."""

    hex: Annotated[Integer, Constraint(ge=1, le=64)]

    @property
    def length(self) -> int:
        """Bytes of each value."""
        return self.hex

    @property
    def alphabet(self) -> str:
        """The characters of the values."""
        return "0123456789abcdef"

    def draw(self, bits: np.random.Philox, numbers: NDArray[np.int64]) -> NDArray[np.void]:
        """Digits for each event, shape (events,), dtype V{length}."""
        digits = _hex_digits(bits, len(numbers), self.hex)[:, : self.hex]
        return np.ascontiguousarray(digits).view(f"V{self.hex}")[:, 0]


class Uuid(Generated):
    """`uuid: 4`: a random UUID of version 4 (RFC 9562, section 5.4)."""

    uuid: Literal[4]

    @property
    def length(self) -> int:
        """Bytes of each value."""
        return 36

    @property
    def alphabet(self) -> str:
        """The characters of the values."""
        return "0123456789abcdef-"

    def draw(self, bits: np.random.Philox, numbers: NDArray[np.int64]) -> NDArray[np.void]:
        """A UUID for each event, shape (events,), dtype V36."""
        raw = raw_bytes(bits, len(numbers) * 16).view("<u2")
        text = np.full((len(numbers), self.length), ord("-"), np.uint8)
        for quad, column in enumerate((0, 4, 9, 14, 19, 24, 28, 32)):
            place = np.ndarray((len(numbers),), "V4", text, column, (self.length,))
            place[...] = _HEX_PAIRS.take(raw[quad::8])
        text[:, 14] = ord("4")
        text[:, 19] = _VARIANTS.take(text[:, 19])
        return text.view(f"V{self.length}")[:, 0]


class Counter(Generated):
    """`counter: 1` with `width: 10`: the event's number in the capture, counted from 1, with leading zeros.

    It starts over at 0 when its digits are used up.
    """

    numbered: ClassVar[bool] = True

    counter: Annotated[Integer, Constraint(ge=0, lt=10**18)]
    width: Annotated[Integer, Constraint(ge=1, le=18)]

    @property
    def length(self) -> int:
        """Bytes of each value."""
        return self.width

    @property
    def alphabet(self) -> str:
        """The characters of the values."""
        return "0123456789"

    def draw(self, bits: np.random.Philox, numbers: NDArray[np.int64]) -> NDArray[np.void]:  # noqa: ARG002 - as others
        """The digits of each event's number, shape (events,), dtype V{width}."""
        quads = -(-self.width // 4)
        digits = np.empty((len(numbers), quads), "V4")
        rest = numbers + self.counter
        for place in reversed(range(quads)):
            rest, quad = np.divmod(rest, 10_000)
            digits[:, place] = _DECIMALS[quad]
        text = digits.view(np.uint8)[:, quads * 4 - self.width :]
        return np.ascontiguousarray(text).view(f"V{self.width}")[:, 0]
