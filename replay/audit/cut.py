"""Which lines lack their tag because something cut them, and to which length.

A line was cut that ends within what announces a tag, or within the tag. So was a line without any trace of a tag that
is as long as one of those, or as long as the longest line of all, if there are MANY like it: lines of one greatest
length pile up only where something cuts them.

A tag that is left in part may still say the run and the port. Runs are known only when all is read, so both are kept as
far as they were written; what is kept is bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.audit.find import LEAD
from replay.places import texts_at

MANY: Final = 10
MOST_BYTES: Final = 65_536
"""Lines of this length and longer are not told apart; a datagram has 65,507 bytes at most."""
MOST_KINDS: Final = 4096
"""Runs and ports that are kept account of; those of further ones are as good as cut off."""

_END: Final = re.compile(
    rb"stampede(?:=|\\u003d|@32473(?:(?: (?:t(?:ag?)?)?)?| tag=(?:\\*\"{0,2}|\\u0022)))"
    rb"(?P<run>[0-9a-f]{8}|[0-9a-f]{0,7})"
    rb"(?:(?<=[0-9a-f]{8})-(?P<port>[0-9a-f]{4}|[0-9a-f]{0,3})(?:(?<=-[0-9a-f]{4})-[0-9a-f]{0,9})?)?"
    rb"[\"'\\\]})\r ]*\n",
    re.IGNORECASE,
)
"""The end of a line within a tag, and what an export puts behind a message."""
_ROW_BYTES: Final = LEAD + 1


@dataclass
class _Lines:
    """Lines that were cut, of one kind."""

    lines: int
    shortest: int
    longest: int

    def add(self, lines: int, shortest: int, longest: int) -> None:
        """Count others to them."""
        self.lines += lines
        self.shortest, self.longest = min(self.shortest, shortest), max(self.longest, longest)

    @property
    def to_bytes(self) -> dict[str, int]:
        """The lengths to which they were cut."""
        return {"min": self.shortest, "max": self.longest}


@dataclass(frozen=True)
class CutOf:
    """What was cut of one run, as far as one can tell: with the lines that do not say their run."""

    lines: int
    to_bytes: dict[str, int] | None
    ports: dict[int, tuple[int, dict[str, int]]]
    """Lines and their lengths, by the port that they still say."""


class Cut:
    """The account of lines without a whole tag."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[bytes, int | None], _Lines] = {}
        self._plain = np.zeros(MOST_BYTES, np.int64)  # lines without a trace of a tag, by length
        self._cut_lengths = np.zeros(MOST_BYTES, np.bool_)
        self._longest = 0

    def measure(self, longest: int) -> None:
        """Note how long a line is, of whatever kind."""
        self._longest = max(self._longest, longest)

    def take_plain(self, lengths: NDArray[np.int64]) -> None:
        """Note lines without a trace of a tag, by their lengths."""
        told = lengths[lengths < MOST_BYTES]
        if told.size:
            counts = np.bincount(told)
            self._plain[: len(counts)] += counts

    def take_marked(self, window: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]) -> int:
        """Note lines that announce a tag and have none; `ends` are their line feeds. Returns how many were cut."""
        count = 0
        for row, run, port in _cut_tags(window, ends):
            length = int(lengths[row])
            self._note((run, port), length)
            count += 1
        return count

    def _note(self, kind: tuple[bytes, int | None], length: int) -> None:
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = b"", None
        if length < MOST_BYTES:
            self._cut_lengths[length] = True
        self._kinds.setdefault(kind, _Lines(0, length, length)).add(1, length, length)

    def untraced(self) -> int:
        """How many lines without a trace of a tag were cut."""
        return int(self._plain[self._limits()].sum())

    def of(self, run: str | None) -> CutOf:
        """What was cut of a run, which is written as in tags."""
        total, ports = _Lines(0, MOST_BYTES, 0), dict[int, _Lines]()
        for (begin, port), cut in self._kinds.items():
            if not (run or "").encode().startswith(begin):
                continue
            total.add(cut.lines, cut.shortest, cut.longest)
            if port is not None:
                ports.setdefault(port, _Lines(0, cut.shortest, cut.longest)).add(cut.lines, cut.shortest, cut.longest)
        untraced = np.flatnonzero(self._plain * self._limits())
        if untraced.size:
            total.add(self.untraced(), int(untraced[0]), int(untraced[-1]))
        told = {port: (lines.lines, lines.to_bytes) for port, lines in ports.items()}
        return CutOf(total.lines, total.to_bytes if total.lines else None, told)

    def _limits(self) -> NDArray[np.bool_]:
        """The lengths at which lines were cut."""
        limits = self._cut_lengths.copy()
        if self._longest < MOST_BYTES and self._plain[self._longest] >= MANY:
            limits[self._longest] = True
        return limits


def _cut_tags(window: NDArray[np.uint8], ends: NDArray[np.int64]) -> Iterator[tuple[int, bytes, int | None]]:
    """Those of the lines that end within a tag: their number, and what the tag says of run and port."""
    rows = texts_at(window, ends - LEAD, _ROW_BYTES).tobytes()
    for match in _END.finditer(rows):
        number, behind = divmod(match.end(), _ROW_BYTES)
        if not behind:  # else it is the end of a line before
            run, port = match["run"].lower(), match["port"]
            yield number - 1, run, int(port, 16) if port and len(port) == 4 else None
