"""Which template an event is of, and which values its fields have: read back from its bytes.

Each frame becomes a regular expression: its literals, the stamp as so many bytes, and a group for each column of a
field. A column of few values is spelled out; one of many matches by alphabet and length, and is looked up afterwards.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

from captures.format import STAMP_WIDTHS
from precompute.layouts import Frame, Frames
from precompute.payload_figures import SampledEvent
from precompute.pools import Pool

_SPELLED_OUT: Final = 48

FieldColumn = tuple[str, str]
"""A field's name and one of its columns, which is empty in a plain field."""


@dataclass(frozen=True)
class Recognised:
    """What an event says."""

    template: int
    values: dict[FieldColumn, bytes]
    """As they stand in the event, in structured data with their escapes."""


TextsOf = Callable[[Pool, int], frozenset[bytes]]
"""The texts of a pool's column."""


class _Pattern:
    """A frame as a regular expression."""

    def __init__(self, frame: Frame, texts_of: TextsOf) -> None:
        self._texts_of = texts_of
        self.template = frame.template
        self.stamp = frame.stamp.column, int(frame.stamp.kind)
        self._held: dict[str, frozenset[bytes]] = {}
        self._columns: dict[str, FieldColumn] = {}
        parts = []
        for place, segment in enumerate(frame.segments):
            if isinstance(segment, bytes):
                parts.append(_literal(segment, frame) if place == 0 else re.escape(segment))
                continue
            group = f"s{segment.source}c{segment.column}"
            if group in self._columns:
                parts.append(b"(?P=%s)" % group.encode())
                continue
            column = frame.source_columns[segment.source][segment.column][0]
            self._columns[group] = frame.source_names[segment.source], column
            parts.append(b"(?P<%s>%s)" % (group.encode(), self._value(frame, segment.source, segment.column, group)))
        self._regex = re.compile(b"".join(parts), re.DOTALL)

    def _value(self, frame: Frame, number: int, column: int, group: str) -> bytes:
        """What a column can be."""
        source = frame.sources[number]
        if not isinstance(source, Pool):
            return b"[%s]{%d}" % (re.escape(source.alphabet).encode(), source.length)
        texts = self._texts_of(source, column)
        if len(texts) <= _SPELLED_OUT:
            return b"|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
        self._held[group] = texts
        alphabet = b"".join(re.escape(bytes([byte])) for byte in sorted(set(chain.from_iterable(texts))))
        return b"[%s]{%d,%d}" % (alphabet, min(map(len, texts)), max(map(len, texts)))

    def read(self, text: bytes) -> Recognised | None:
        """The event of this frame; None if it is another's."""
        match = self._regex.fullmatch(text)
        if match is None:
            return None
        groups = match.groupdict()
        if any(groups[group] not in held for group, held in self._held.items()):
            return None
        return Recognised(self.template, {column: groups[group] for group, column in self._columns.items()})


def _literal(segment: bytes, frame: Frame) -> bytes:
    """What a line begins with, its stamp left open."""
    start, width = frame.stamp.column, STAMP_WIDTHS[frame.stamp.kind]
    return re.escape(segment[:start]) + b".{%d}" % width + re.escape(segment[start + width :])


class Recogniser:
    """Reads events of a profile."""

    def __init__(self, frames: Frames) -> None:
        """Know the frames of a profile."""

        @lru_cache(None)
        def texts_of(pool: Pool, column: int) -> frozenset[bytes]:
            return frozenset(chain.from_iterable(bucket.columns[column].tolist() for bucket in pool.buckets))

        patterns = [_Pattern(frame, texts_of) for frame in frames.frames]
        self._candidates = {
            stamp: [pattern for pattern in patterns if pattern.stamp == stamp]
            for stamp in {pattern.stamp for pattern in patterns}
        }

    def read(self, events: list[SampledEvent]) -> Iterator[Recognised | None]:
        """Each event as it was recognised, None if it is of no template."""
        for event in events:
            candidates = self._candidates.get((event.stamp_column, event.stamp_kind), [])
            for place, pattern in enumerate(candidates):
                found = pattern.read(event.text)
                if found is not None:
                    # Events of a train are often of one template: it is the first to be tried next.
                    candidates.insert(0, candidates.pop(place))
                    yield found
                    break
            else:
                yield None
