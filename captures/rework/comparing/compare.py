"""How are two captures compared? By a hash of what stays of each event, and then by what else is told of the pairs.

Tables with a row for each event lie on the disk of TMPDIR: about 90 bytes for each event of both.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.readiness import make_ready
from captures.compiled.words import words_of
from captures.console.errors import InputError
from captures.events.axis import Axis
from captures.events.proving import Proof
from captures.events.scratch import scratch
from captures.format.capture import Capture
from captures.rework.comparing.differences import Delays, Difference, Differences, Fate
from captures.rework.comparing.matching import NONE, Matches
from captures.rework.comparing.normal import (
    blank_columns,
    blank_found,
    blank_tags,
    hash_all,
    hashes_of,
    shared_bytes,
)
from captures.text.finding import EVENT, FIELD, FIELDS, Finder
from captures.text.messages import as_messages

Progress = Callable[[int, int], object]
"""Is told the bytes that were read since its last call, and those of both payloads."""
_BLOCK_ROWS: Final = 1 << 16
_WAY: Final = ("family", "protocol", "source", "target", "source_port", "target_port")


class _Side:
    """One of the two captures, and where each of its events is."""

    def __init__(self, capture: Capture, progress: Callable[[int], object], *, by_text: bool) -> None:
        self.capture, self.axis, self._by_text = capture, Axis(capture), by_text
        self.hashes, self._place, self._length = (
            scratch(capture.events, dtype) for dtype in (np.uint64, np.int64, np.uint16)
        )
        with Proof(capture) as proof:
            for stretch, hashes in hashes_of(capture, by_text=by_text):
                proof.require(stretch.place, stretch.length)
                held = slice(stretch.first, stretch.end)
                self.hashes[held], self._place[held], self._length[held] = hashes, stretch.place, stretch.length
                progress(stretch.size)
        self.payload = capture.payload.view()
        self.payload.flags.writeable = False

    def place(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(self._place[events])

    def length(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(self._length[events].astype(np.int64))

    def text(self, event: int) -> NDArray[np.uint8]:
        place = int(self._place[event])
        return self.payload[place : place + int(self._length[event])]

    def since_start_ns(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """When events of the order of replay were captured, since the start of the capture."""
        order = self.capture.order
        return self.axis.captured_ns(order[events].astype(np.int64) if len(order) else events) - self.capture.start_ns

    def way(self, events: NDArray[np.int64]) -> NDArray[np.void]:
        """The columns of FLOW that say from where to where events went."""
        return self.capture.flows[self.capture.flow_of[events]][list(_WAY)]


def prepare() -> None:
    """Compile or load the kernels of a comparison."""
    none, data, hashes = np.zeros(0, np.int64), np.zeros(16, np.uint8), np.zeros(0, np.uint64)
    fixed = data.view()
    fixed.flags.writeable = False
    found = np.zeros(0, EVENT), np.zeros((0, FIELDS), FIELD)
    one = np.zeros(1, np.int64)
    make_ready(
        "comparing",
        [
            lambda: Finder(np.zeros((1, 2), np.int64), 0).find(as_messages(data, one, one)),
            lambda: blank_columns(data, none, none, none, none),
            lambda: blank_found(data, none, *found, none),
            lambda: blank_tags(data, none, none),
            lambda: hash_all(words_of(data), none, none, hashes),
            lambda: shared_bytes(fixed, none, fixed, none, none, none),
        ],
    )


def compare(first: Capture, second: Capture, most: int = 10, progress: Progress = lambda *_: None) -> Differences:
    """Say how `second` differs from `first`, but for what is live; `most` differences are shown one by one.

    Raises PreflightError where TMPDIR has no room, DamagedError where one of them is damaged, and InputError for a
    number that makes no sense.
    """
    if most < 0:
        raise InputError(f"--most {most}: is below 0")
    prepare()
    size = len(first.payload) + len(second.payload)
    by_text = first.recipe is None or second.recipe is None
    left, right = (_Side(capture, lambda read: progress(read, size), by_text=by_text) for capture in (first, second))
    found = Differences(str(first.path), str(second.path), first.events, second.events)
    if first.recipe is not None and second.recipe is not None:
        keys = sorted({*first.recipe, *second.recipe})
        found.other_recipe = [key for key in keys if first.recipe.get(key) != second.recipe.get(key)]
    comparison = _Comparison(left, right, found, most)
    comparison.pair_changed()
    comparison.walk_first()
    comparison.walk_second()
    first.source.check()
    second.source.check()
    found.shown.sort(key=lambda each: (each.first is None, each.first or 0, each.second or 0))
    del found.shown[most:]
    return found


class _Comparison:
    """A comparison at work."""

    def __init__(self, left: _Side, right: _Side, found: Differences, most: int) -> None:
        self._left, self._right, self._found, self._most = left, right, found, most
        self._matches = Matches(left.hashes, right.hashes)
        self._changed = scratch(len(right.hashes), np.bool_)
        """Whether a right event is a changed one of the left."""

    def pair_changed(self) -> None:
        """Find what was changed: of the events that are left, those as far behind a match, if they resemble."""
        self._twin = scratch(len(self._matches.right_of), np.int64)
        self._twin[:] = NONE
        for lost, twin in self._matches.twins():
            self._take_twins(lost, twin)

    def _take_twins(self, lost: NDArray[np.int64], twin: NDArray[np.int64]) -> None:
        """Note of lost events which right ones they have become, if they have."""
        free = (self._matches.left_of[twin] == NONE) & ~self._changed[twin]
        lost, twin = lost[free], twin[free]
        lengths = self._left.length(lost), self._right.length(twin)
        shorter, shared = np.minimum(*lengths), np.zeros(len(lost), np.int64)
        left, right = self._left, self._right
        shared_bytes(left.payload, left.place(lost), right.payload, right.place(twin), shorter, shared)
        like = np.flatnonzero((2 * shared >= shorter) & (shorter > 0))
        distinct, first = np.unique(twin[like], return_index=True)  # of several that resemble it, the first one
        self._twin[lost[like[first]]], self._changed[distinct] = distinct, True
        self._found.changed += len(distinct)
        self._found.other_length += int(np.count_nonzero((lengths[0] != lengths[1])[like[first]]))

    def walk_first(self) -> None:
        """Go over the events of the first capture: what was lost or changed, and how the pairs differ in all else."""
        found, right_of = self._found, self._matches.right_of
        flows = len(self._left.capture.flow_of) > 0 and len(self._right.capture.flow_of) > 0
        timed = self._left.axis.exists and self._right.axis.exists
        later_ns, pairs = scratch(len(right_of) if timed else 0, np.int64), 0
        found.other_flow = 0 if flows else None
        for start in range(0, len(right_of), _BLOCK_ROWS):
            block, twin = (np.array(table[start : start + _BLOCK_ROWS]) for table in (right_of, self._twin))
            left = np.flatnonzero(block != NONE)
            right, left = block[left], left + start
            if timed and len(left):
                late_ns = self._right.since_start_ns(right) - self._left.since_start_ns(left)
                later_ns[pairs : pairs + len(left)] = late_ns
            pairs += len(left)
            if flows:
                other = self._left.way(left) != self._right.way(right)
                found.other_flow = (found.other_flow or 0) + int(np.count_nonzero(other))
            lost, changed = np.flatnonzero((block == NONE) & (twin == NONE)), np.flatnonzero(twin != NONE)
            found.lost += len(lost)
            self._show(Fate.LOST, [(event + start, None) for event in lost[: self._most].tolist()])
            shown = changed[: self._most]
            self._show(Fate.CHANGED, list(zip((shown + start).tolist(), twin[shown].tolist(), strict=True)))
        found.same = pairs
        if timed and pairs:
            found.delays = _delays(later_ns[:pairs])

    def walk_second(self) -> None:
        """Go over the events of the second capture: what is extra, and what has moved."""
        found, left_of, farthest = self._found, self._matches.left_of, NONE
        for start in range(0, len(left_of), _BLOCK_ROWS):
            block, changed = (np.array(table[start : start + _BLOCK_ROWS]) for table in (left_of, self._changed))
            extra = np.flatnonzero((block == NONE) & ~changed)
            found.extra += len(extra)
            self._show(Fate.EXTRA, [(None, event + start) for event in extra[: self._most].tolist()])
            before = np.maximum.accumulate(np.append(farthest, block))
            moved = np.flatnonzero((block != NONE) & (block < before[:-1]))
            found.moved += len(moved)
            shown = moved[: self._most]
            self._show(Fate.MOVED, list(zip(block[shown].tolist(), (shown + start).tolist(), strict=True)))
            farthest = int(before[-1])

    def _show(self, fate: Fate, events: list[tuple[Any, Any]]) -> None:
        """Keep differences to be shown, as many as may be of each fate."""
        room = self._most - sum(each.fate == fate for each in self._found.shown)
        for first, second in events[: max(room, 0)]:
            text = self._right.text(second) if first is None else self._left.text(first)
            columns = _columns(text, self._right.text(second)) if fate == Fate.CHANGED else ()
            told = text.tobytes().decode("utf-8", "backslashreplace")
            self._found.shown.append(Difference(fate, first, second, told, columns))


def _columns(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> tuple[tuple[int, int], ...]:
    """The first and the last column of each stretch of bytes that differ; what one has more of is one, too."""
    shorter, longer = sorted((len(left), len(right)))
    differ = np.ones(longer, np.bool_)
    differ[:shorter] = left[:shorter] != right[:shorter]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], differ, [False]]).astype(np.int8)))
    return tuple((first, end - 1) for first, end in edges.reshape(-1, 2).tolist())


def _delays(later_ns: NDArray[np.int64]) -> Delays:
    """The distribution of delays, which are sorted in part where they lie."""
    count = len(later_ns)
    least_ns, most_ns = int(later_ns.min()), int(later_ns.max())
    ranks = [count // 2, min(count - 1, count * 99 // 100)]
    later_ns.partition(ranks)
    return Delays(count, least_ns, int(later_ns[ranks[0]]), int(later_ns[ranks[1]]), most_ns)
