"""What of an event stays when it is sent: its bytes with all that is live blanked, as a hash of 64 bits.

Live are the stamps and tags of which the capture tells. Where one of two captures was not rendered, but received by
somebody, it tells of what was found in its texts; so in both of them what can be found is live, too.

Two different events have the same hash by chance in one of 2^64 cases. Who knows the hash can make such events.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import WORD_BYTES, words_of
from captures.events.stretches import Stretch, stretches
from captures.format.capture import Capture
from captures.format.layout import Table
from captures.format.stamps.kinds import WIDTHS
from captures.format.tags import TAG_BYTES
from captures.text.finding import SLACK_BYTES, Finder
from captures.text.messages import as_messages

_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_HALF: Final = np.uint64(32)
_UTC: Final = np.array([(0, 0)], np.int64)
_HYPHEN, _EQUALS, _QUOTE, _ZERO, _NINE, _A, _F, _CAPITAL_A, _CAPITAL_F = (ord(letter) for letter in '-="09afAF')


def hashes_of(capture: Capture, *, by_text: bool) -> Iterator[tuple[Stretch, NDArray[np.uint64]]]:
    """The hash of each event, stretch by stretch; with `by_text` also what is found in the text is blanked."""
    finder = Finder(_UTC, capture.start_ns)
    for stretch in stretches(capture):
        first = int(stretch.place[0])
        data = np.zeros(stretch.size + max(SLACK_BYTES, WORD_BYTES), np.uint8)
        data[: stretch.size] = capture.payload[first : first + stretch.size]
        place = stretch.place - first
        found = finder.find(as_messages(data, place, stretch.length)) if by_text else None
        _blank_told(data, place, stretch, stretch.live(capture))
        if found is not None:
            blank_found(data, place, found.events, found.fields, WIDTHS)
            blank_tags(data, place, stretch.length)
        hashes = np.empty(len(place), np.uint64)
        hash_all(words_of(data), place, stretch.length, hashes)
        yield stretch, hashes


def _blank_told(data: NDArray[np.uint8], place: NDArray[np.int64], stretch: Stretch, live: Table) -> None:
    """Blank the stamps and tags of which TRAIN and LIVE rows tell."""
    rows = stretch.trains
    count = rows["count"].astype(np.int64)
    first = np.cumsum(count) - count
    length = rows["length"].astype(np.int64)
    kinds = rows["stamp_kind"].astype(np.int64)
    stamps = np.flatnonzero(kinds)
    tags = np.flatnonzero(rows["tag_kind"])
    further = live["train"].astype(np.int64)
    columns = [rows["stamp_column"][stamps], rows["tag_column"][tags], live["column"]]
    widths = [WIDTHS[kinds[stamps]], np.full(len(tags), TAG_BYTES), WIDTHS[live["kind"].astype(np.int64)]]
    of = np.concatenate([stamps, tags, further])
    column = np.concatenate(columns).astype(np.int64)
    blank_columns(data, place[first[of]] + column, length[of], count[of], np.concatenate(widths))


@kernel
def blank_columns(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    step: NDArray[np.int64],
    count: NDArray[np.int64],
    width: NDArray[np.int64],
) -> None:
    """Set `width` bytes to zero from `start` on, and again each `step` bytes, `count` times; all shape (columns,)."""
    for i in range(len(start)):
        for event in range(count[i]):
            for byte in range(width[i]):
                data[start[i] + event * step[i] + byte] = 0


@kernel
def blank_found(
    data: NDArray[np.uint8],
    place: NDArray[np.int64],
    events: NDArray[Any],
    fields: NDArray[Any],
    widths: NDArray[np.int64],
) -> None:
    """Set the stamps to zero that were found, as EVENT and FIELD rows of `captures.text.finding` tell."""
    for i in range(len(place)):
        for j in range(int64(events[i].stamps)):
            start = place[i] + int64(fields[i, j].column)
            for byte in range(widths[int64(fields[i, j].kind)]):
                data[start + byte] = 0


@kernel
def is_tag(data: NDArray[np.uint8], at: int) -> bool:
    """Whether a tag of `captures.format.tags` stands at `at`."""
    for i in range(TAG_BYTES):
        byte = data[at + i]
        if i in (8, 13):
            if byte != _HYPHEN:
                return False
        elif not (_ZERO <= byte <= _NINE or _A <= byte <= _F or _CAPITAL_A <= byte <= _CAPITAL_F):
            return False
    return True


@kernel
def blank_tags(data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64]) -> None:
    """Set each tag to zero that stands behind an equals sign, with a quote between or without."""
    for i in range(len(place)):
        at, last = place[i] + 1, place[i] + length[i] - TAG_BYTES
        while at <= last:
            marked = data[at - 1] == _EQUALS or data[at - 1] == _QUOTE
            if marked and data[at + 8] == _HYPHEN and is_tag(data, at):
                for byte in range(TAG_BYTES):
                    data[at + byte] = 0
                at += TAG_BYTES - 1
            at += 1


@kernel
def hash_all(
    words: NDArray[np.uint64],
    place: NDArray[np.int64],
    length: NDArray[np.int64],
    hashes: NDArray[np.uint64],
) -> None:
    """Hash events, eight bytes at a time; `words`, by `words_of`, has an item for each byte of an event."""
    for i in range(len(place)):
        value = np.uint64(length[i]) * _FACTOR_2
        at, end = place[i], place[i] + length[i]
        while at < end:
            word = words[at]
            if at + WORD_BYTES > end:
                word = word & ((np.uint64(1) << np.uint64(8 * (end - at))) - np.uint64(1))
            value = (value ^ word) * _FACTOR
            value = (value ^ (value >> _HALF)) * _FACTOR_2
            value = value ^ (value >> _HALF)
            at += WORD_BYTES
        hashes[i] = value


@kernel
def shared_bytes(
    left: NDArray[np.uint8],
    left_place: NDArray[np.int64],
    right: NDArray[np.uint8],
    right_place: NDArray[np.int64],
    length: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Count how many of the first `length` bytes of pairs of events are the same in the same column."""
    for i in range(len(length)):
        same = 0
        for byte in range(length[i]):
            same += left[left_place[i] + byte] == right[right_place[i] + byte]
        shared[i] = same
