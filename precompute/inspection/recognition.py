"""Which template an event is of, and which values its fields have: read back from its bytes.

A frame is cut into slots, each with the literal that stands behind it. A slot ends where that literal begins, so an
event is read from left to right: every end at which the field has that value is followed, and a place that was
reached before leads nowhere new. Where fields stand side by side an event may have several readings; the one with the
longest values first is taken. The work on a sample is bounded: captures come from anywhere, and so do their recipes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final

from captures.format.layout import STAMP_WIDTHS
from precompute.fields.generated import Generated, Uuid
from precompute.inspection.payload import SampledEvent
from precompute.profile.lines import unescaped
from precompute.rendering.frames import Frame, Frames, Slot
from precompute.rendering.pools import Pool

_MOST_STEPS: Final = 1 << 24
"""A whole sample is read in so many steps at most: 256 for each event, where some twenty are usual.

The events that are left when they are used up count as unrecognised.
"""
_END: Final = b"\n"
"""Stands behind an event while it is read; no literal and no value holds one."""
_UUID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

FieldColumn = tuple[str, str]
"""A field's name and one of its columns, which is empty in a plain field."""
Texts = tuple[bytes, ...]
_State = tuple[int, int, Texts]
"""The number of the next step, where it starts, and the texts that were read before it."""
Holds = Callable[[Any], object]
"""Whether a field has a value whose first columns are these: a text, or several in a tuple."""


@dataclass(frozen=True)
class Recognised:
    """The template of an event, and the values in it."""

    template: int
    values: dict[FieldColumn, str]
    """The values as the profile has them, without the escapes of structured data."""


@dataclass(frozen=True)
class _Step:
    """A slot, and the literal behind it; texts that were read before are named by their numbers."""

    literal: bytes
    shortest: int
    """Bytes of the shortest value that the slot can have."""
    longest: int
    """Bytes of the longest value that the slot can have."""
    repeated: int | None
    """The number of the earlier text that is repeated here; None if this text is new."""
    row: tuple[int, ...]
    """The columns of the same field that come before this one."""
    holds: Holds
    needed: tuple[int, ...]
    """The earlier texts on which this step and the later ones depend."""

    def ways(self, number: int, text: bytes, start: int, texts: Texts, budget: Iterator[int]) -> list[_State]:
        """Where this step, of that number, can lead; the shortest way first."""
        ways = []
        width, last = len(self.literal), start + self.longest + len(self.literal)
        end = text.find(self.literal, start + self.shortest, last)
        while end >= 0 and next(budget, None) is not None:
            value = text[start:end]
            if self.repeated is not None:
                if value == texts[self.repeated]:
                    ways.append((number + 1, end + width, texts))
            elif self.holds((*[texts[column] for column in self.row], value) if self.row else value):
                ways.append((number + 1, end + width, (*texts, value)))
            end = text.find(self.literal, end + 1, last)
        return ways


class _Pattern:
    """A frame that reads events."""

    def __init__(self, frame: Frame, holds: Callable[[Pool | Generated, int], Holds]) -> None:
        first, *rest = (*frame.segments[:-1], *_closed(frame.segments[-1]))
        assert isinstance(first, bytes)
        self._template = frame.template
        self.head = first[: frame.stamp.column]
        self._body = frame.stamp.column + STAMP_WIDTHS[frame.stamp.kind]
        self._literal = first[self._body :]
        places: list[tuple[Slot, bytes]] = []
        for segment in rest:
            # A literal always stands behind a slot, since neighbouring literals are one segment.
            places.append((segment, b"") if isinstance(segment, Slot) else (places.pop()[0], segment))
        read = list(dict.fromkeys(slot for slot, _ in places))
        self._names = [(frame.field_names[slot.field], *frame.field_columns[slot.field][slot.column]) for slot in read]
        self._steps: list[_Step] = []
        needed: set[int] = set()
        for place, (slot, literal) in reversed(list(enumerate(places))):
            number, field = read.index(slot), frame.fields[slot.field]
            repeated = number if slot in [earlier for earlier, _ in places[:place]] else None
            row = tuple(read.index(Slot(slot.field, column)) for column in range(slot.column))
            needed = (needed | {*row}) - {number} if repeated is None else needed | {number}
            lengths = [field.length] if isinstance(field, Generated) else field.lengths[:, slot.column].tolist()
            step = _Step(
                literal,
                min(lengths),
                max(lengths),
                repeated,
                row,
                holds(field, slot.column + 1),
                tuple(sorted(needed)),
            )
            self._steps.insert(0, step)

    def read(self, text: bytes, budget: Iterator[int]) -> Recognised | None:
        """The event, if it is of this frame and the budget of steps is not used up."""
        text += _END
        if not text.startswith(self._literal, self._body):
            return None
        ahead: list[_State] = [(0, self._body + len(self._literal), ())]
        reached = set()
        while ahead:
            number, start, texts = ahead.pop()
            if number == len(self._steps):
                if start == len(text):
                    return Recognised(self._template, dict(self._values(texts)))
                continue
            step = self._steps[number]
            if ahead:  # there are other ways to go, by which this place may be reached again
                state = number, start, tuple([texts[place] for place in step.needed])
                if state in reached:
                    continue
                reached.add(state)
            ahead += step.ways(number, text, start, texts, budget)
        return None

    def _values(self, texts: Texts) -> Iterator[tuple[FieldColumn, str]]:
        for (name, column, escaped), text in zip(self._names, texts, strict=True):
            yield (name, column), unescaped(text.decode()) if escaped else text.decode()


def _closed(segment: bytes | Slot) -> tuple[bytes | Slot, ...]:
    """A frame's last segment with the end behind it."""
    return (segment + _END,) if isinstance(segment, bytes) else (segment, _END)


class Recogniser:
    """Reads events of a profile."""

    def __init__(self, frames: Frames) -> None:
        """Know the frames of a profile."""

        @cache
        def holds(field: Pool | Generated, columns: int) -> Holds:
            if isinstance(field, Generated):
                return (_UUID if isinstance(field, Uuid) else re.compile(b"[%s]*" % field.alphabet.encode())).fullmatch
            texts = ([column.tolist() for column in bucket.columns[:columns]] for bucket in field.buckets)
            rows = (zip(*held, strict=True) if columns > 1 else held[0] for held in texts)
            return frozenset(chain.from_iterable(rows)).__contains__

        self._patterns: dict[tuple[int, int, bytes], list[_Pattern]] = {}
        for frame in frames.frames:
            pattern = _Pattern(frame, holds)
            begins = frame.stamp.column, int(frame.stamp.kind), pattern.head
            self._patterns.setdefault(begins, []).append(pattern)

    def read(self, events: list[SampledEvent]) -> Iterator[Recognised | None]:
        """Each event as it was recognised, None if it is of no template."""
        budget = iter(range(_MOST_STEPS))
        for event in events:
            begins = event.stamp_column, event.stamp_kind, event.text[: event.stamp_column]
            patterns = zip(self._patterns.get(begins, []), budget)  # noqa: B905 - whichever ends first
            found = (pattern.read(event.text, budget) for pattern, _ in patterns)
            yield next(filter(None, found), None)
