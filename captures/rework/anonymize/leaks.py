"""What the leak check tells: where in the result an original value is left."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.words import WORD_BYTES, words_of
from captures.format.capture import Capture
from captures.rework.anonymize.blocks import Block, blocks, fixed_columns, starts_of
from captures.rework.anonymize.checking import check_all
from captures.rework.anonymize.flows import flow_blocks, left_in_flows
from captures.rework.anonymize.originals import Originals
from captures.rework.anonymize.scan.cutting import without_addresses
from captures.rework.anonymize.scan.forms import WORD
from captures.rework.anonymize.scan.kinds import AGAIN, MAC, PATTERN, Kind
from captures.rework.anonymize.scan.patterns import matches
from captures.rework.anonymize.work import NOBODY, Work, scanned

MOST_PLACES: Final = 20
"""So many places are told; the others are counted."""


@dataclass(frozen=True)
class Leak:
    """A place where an original value is left."""

    event: int
    """The number of the event in the order of replay; -1: a header."""
    column: int
    kind: str
    value: str

    def figures(self, *, show: bool) -> dict[str, Any]:
        """The same, ready for JSON; the value only with `show`."""
        held: dict[str, Any] = {"event": self.event, "column": self.column, "kind": self.kind}
        return {**held, "value": self.value} if show else held


class Leaks:
    """What is left of the values of a capture."""

    def __init__(self, work: Work, originals: Originals) -> None:
        self._work, self._originals = work, originals
        self._counts = np.zeros(2, np.int64)
        self.left = self.by_chance = 0
        self.places: list[Leak] = []

    def look(self, before: Capture, after: Capture, told: Callable[[int], None]) -> None:
        """Look through the whole result; `told` is told of the bytes that were read since its last call."""
        rules = self._work.rules
        for old, new in zip(flow_blocks(before), flow_blocks(after), strict=True):
            left, chance = left_in_flows(old, new, self._work.mapping, addresses=rules.addresses.on, macs=rules.macs.on)
            self.by_chance += chance
            self._add(left, [Leak(-1, 0, "address in headers", "")] if left else [])
        for old_block, new_block in zip(blocks(before), blocks(after), strict=True):
            self._look_in(old_block, new_block)
            self._look_for_patterns(before, old_block, new_block)
            told(len(new_block.payload))

    def _add(self, left: int, places: list[Leak]) -> None:
        self.left += left
        self.places.extend(places[: MOST_PLACES - len(self.places)])

    def _look_in(self, before: Block, after: Block) -> None:
        padded = np.concatenate([after.payload, np.zeros(WORD_BYTES, np.uint8)])
        counts, place = np.zeros(2, np.int64), self._work.place
        check_all(
            before.payload,
            padded,
            words_of(padded),
            after.trains,
            self._originals.tables,
            self._work.mapping,
            place,
            counts,
        )
        rows = place.rows[: min(int(counts[0]), MOST_PLACES)].tolist()
        self.by_chance += int(counts[1])
        found = [(at, end, "name" if kind == AGAIN else Kind(kind).name.lower()) for at, end, kind in rows]
        self._add(int(counts[0]), self._told(after, found) if found else [])

    def _told(self, block: Block, found: list[tuple[int, int, str]]) -> list[Leak]:
        starts = starts_of(block)
        events = np.searchsorted(starts, [at for at, _, _ in found], "right") - 1
        return [
            Leak(
                block.event + event,
                at - int(starts[event]),
                kind,
                block.payload[at:end].tobytes().decode(errors="backslashreplace"),
            )
            for event, (at, end, kind) in zip(events.tolist(), found, strict=True)
        ]

    def _look_for_patterns(self, capture: Capture, before: Block, after: Block) -> None:
        """What a pattern finds in the result, and what stood there before, is left over, but for addresses."""
        if not self._work.patterns:
            return
        starts, fixed = starts_of(after), fixed_columns(capture, before)
        train = np.repeat(np.arange(len(before.trains)), before.trains["count"])
        for pattern in self._work.patterns:
            found = [
                (at, end)
                for event, at, end in matches(pattern, after.payload, after.trains, starts)
                if _same(before.payload[at:end], after.payload[at:end])
                and not _is_live(fixed[train[event]], at - int(starts[event]), end - int(starts[event]))
            ]
            if found:
                self._add_matches(pattern.name, found, before, after, fixed)

    def _add_matches(
        self, name: str, found: list[tuple[int, int]], before: Block, after: Block, fixed: NDArray[np.int64]
    ) -> None:
        """Add the matches of a pattern that are left, without the addresses in them: those are looked for as such."""
        scan = [rows[rows[:, 2] <= MAC] for rows, _ in scanned(self._work, before, fixed, NOBODY)]
        matched = np.array([(at, end, PATTERN) for at, end in found], np.int64)
        pieces = without_addresses(matched, np.concatenate(scan)).tolist()
        left = [(at, end, f"pattern {name}") for at, end, _ in pieces if WORD[after.payload[at:end]].any()]
        self._add(len(left), self._told(after, left[:MOST_PLACES]) if left else [])


def _same(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    return bool((before == after).all())


def _is_live(fixed: NDArray[np.int64], first: int, end: int) -> bool:
    """Whether columns reach into a stamp or tag, which is written anew when the event is sent."""
    return bool(((first < fixed[:, 1]) & (end > fixed[:, 0])).any())
