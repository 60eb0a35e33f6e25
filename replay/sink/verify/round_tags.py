"""Which tags do the messages of a round have? A message is a train or a lone event. Pure: bytes in, numbers out.

An event's tag stands at its end, or else anywhere behind `stampede=`, or in structured data (`captures.format.tags`);
what follows it does not matter. A train whose tags are what its first one and the table of tails say is one row, after
two comparisons. All else, lone events and trains with anything odd in them, is read together, event by event.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from captures.format.tags import (
    BLANK,
    HEAD_BYTES,
    SD_ID,
    SD_PARAM,
    SUFFIX,
    TAG_BYTES,
    TAIL_BLOCK,
    TAIL_BYTES,
    Tags,
    parse_tags,
    tail_block,
)
from replay.unaligned import texts_at

MOST_EVENT_BYTES: Final = 2048
"""How many bytes of an event are searched for a tag: as many as the longest event of a capture has."""
_MARK: Final = SD_ID.partition("@")[0].encode()
"""Stands before every tag."""
_OPENINGS: Final = (f'[{SD_ID} {SD_PARAM}="'.encode(), SUFFIX.strip().encode())
"""The texts one of which stands right before a tag that is not at the end of its event."""


def _beginnings(text: Iterable[str]) -> str:
    """A pattern of all that a text, pattern by pattern, may begin with, nothing and the whole included."""
    pattern = ""
    for one in reversed(list(text)):
        pattern = f"(?:{one}{pattern})?"
    return pattern


_DIGITS: Final = [digit if digit == "-" else "[0-9a-f]" for digit in BLANK]
_PARTED: Final = re.compile(
    f"{_MARK.decode()}(?:{_beginnings(['=', *_DIGITS[:-1]])}|"
    f"{_beginnings([*_OPENINGS[0].decode().partition(_MARK.decode())[2], *_DIGITS[:-1]])})\\s*\\Z".encode()
)
"""The end of an event that was cut within its tag."""
_LONGEST_PART: Final = len(_OPENINGS[0]) + TAG_BYTES
_HEAD: Final = re.compile(rb"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{2})")
_HEAD_TEXT: Final = np.dtype(f"S{HEAD_BYTES}")
_TAIL_TEXT: Final = np.dtype(f"S{TAIL_BYTES}")
_EPOCH: Final = 1 << 32
_HYPHENS: Final = (8, 13)
_HYPHEN: Final = ord("-")


class Tagless(NamedTuple):
    """Events that may have been cut: without a tag, or with its first part; some of a message in each row, (rows,)."""

    message: NDArray[np.int64]
    length: NDArray[np.int64]
    """The length of each of the events, in bytes."""
    events: NDArray[np.int64]
    parted: NDArray[np.bool_]
    """Whether they end in the first part of a tag; else they have nothing of it."""


class TagRows(NamedTuple):
    """The tags of a round, in the order of arrival."""

    message: NDArray[np.int64]
    """The number of each row's message; so are the next four of shape (rows,)."""
    run: NDArray[np.int64]
    port: NDArray[np.int64]
    first: NDArray[np.int64]
    """The first number of a row's events, which count up from it."""
    events: NDArray[np.int64]
    untagged: NDArray[np.int64]
    """Events without a tag, of each message: shape (messages,)."""
    malformed: NDArray[np.int64]
    """Events with what should be a tag and is none, of each message."""
    tagless: list[Tagless]
    """The untagged and malformed events by their lengths, without those whose tag is damaged but not cut."""


class Messages(NamedTuple):
    """A round of messages in a flat buffer, int64, shape (messages,) each: bytes of datagrams of `segment` bytes."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    segments: NDArray[np.int64]

    @property
    def events(self) -> NDArray[np.int64]:
        """The number of datagrams of each message."""
        events: NDArray[np.int64] = np.maximum(-(-self.lengths // self.segments), 1)
        return events


def tags_of(data: NDArray[np.uint8], messages: Messages, *, thorough: bool) -> TagRows:
    """The tags of all events of a round.

    `data` is flat and reaches MOST_EVENT_BYTES behind the last start. Unless it is `thorough`, a train whose first
    event says nothing of tags is taken for a train without: that spares runs of untagged captures most of the cost.
    """
    untagged, events = np.zeros(len(messages.starts), np.int64), messages.events
    rows: list[tuple[int, int, int, int, int, int]] = []
    plain: list[int] = []
    singly = events == 1
    trains = np.flatnonzero(~singly)
    columns = (trains, *(column[trains] for column in messages), events[trains])
    for number, start, length, segment, count in zip(*(column.tolist() for column in columns), strict=True):
        head = data[start : start + segment].tobytes()
        if not thorough and _MARK not in head:
            untagged[number] = count
            plain.append(number)
            continue
        read = _train(data, start, length, segment, count, head)
        if read is None:
            singly[number] = True
        else:
            rows.append((number, 0, *read, count))
    found = np.array(rows, np.int64).reshape(-1, 6)
    malformed = np.zeros_like(untagged)
    tagless = _by_length(messages, np.array(plain), events[plain]) if plain else []
    if singly.any():  # to find that out array by array costs as much as a dozen trains
        owner, place, starts, lengths = _events(messages, np.flatnonzero(singly))
        tags, marked, parted = _singles(data, starts, lengths)
        if not tags.sound.all():
            lost = np.flatnonzero(~tags.sound)
            np.add.at(untagged, owner[lost[~marked[lost]]], 1)
            np.add.at(malformed, owner[lost[marked[lost]]], 1)
            lost = lost[~marked[lost] | parted[lost]]
            tagless.append(Tagless(owner[lost], lengths[lost], np.ones_like(lost), parted[lost]))
        parts = (owner, place, tags.run, tags.port, tags.sequence, np.ones_like(owner))
        found = np.concatenate([found, np.stack(parts, axis=1)[tags.sound]])
        if rows:
            found = found[np.lexsort((found[:, 1], found[:, 0]))]
    message, _, run, port, first, counted = found.T
    return TagRows(message, run, port, first, counted, untagged, malformed, tagless)


def _by_length(messages: Messages, numbers: NDArray[np.int64], events: NDArray[np.int64]) -> list[Tagless]:
    """Whole messages, all of whose events have no tag; the last event of each may be shorter."""
    segments, none = messages.segments[numbers], np.zeros(len(numbers), np.bool_)
    last = messages.lengths[numbers] - (events - 1) * segments
    short = last < segments
    alike = Tagless(numbers, segments, events - short, none)
    if not short.any():
        return [alike]
    return [alike, Tagless(numbers[short], last[short], np.ones_like(last[short]), none[short])]


def _train(
    data: NDArray[np.uint8], start: int, length: int, segment: int, count: int, head: bytes
) -> tuple[int, int, int] | None:
    """Run, port and first number of a train whose tags count up from its first event's; None: it is none.

    That event is `head`.
    """
    if length % segment:  # the last event is shorter
        return None
    column, opening = tag_place(head)
    if column < 0:
        return None
    own = head[column : column + HEAD_BYTES]
    known = _read_head(own)
    if known is None:
        return None
    try:
        low = int(head[column + HEAD_BYTES : column + TAG_BYTES], 16)  # what is no tail differs from the table's
    except ValueError:
        return None
    block, first = divmod(low, TAIL_BLOCK)
    at = start + column
    whole = np.ndarray((count,), _HEAD_TEXT, data, at, (segment,)).tobytes() == own * count
    tails = np.ndarray((count,), _TAIL_TEXT, data, at + HEAD_BYTES, (segment,)).tobytes()
    whole = whole and tails == tail_block(block)[first : first + count].tobytes()
    if whole and opening:
        width = len(opening)
        openings = np.ndarray((count,), f"V{width}", data, at - width, (segment,)).tobytes()
        whole = openings == opening * count
    if not whole or low + count > _EPOCH:
        return None
    run, port, high = known
    return run, port, high + low


def tag_place(event: bytes) -> tuple[int, bytes]:
    """The column where an event's tag would stand (-1: nowhere), and the opening before it if it is not at the end."""
    column = len(event) - TAG_BYTES
    if column >= 0 and event[column + _HYPHENS[0]] == event[column + _HYPHENS[1]] == _HYPHEN:
        return column, b""
    for opening in _OPENINGS:
        found = event.find(opening, 0, MOST_EVENT_BYTES)
        column = found + len(opening)
        if found >= 0 and column + TAG_BYTES <= min(len(event), MOST_EVENT_BYTES):
            return column, opening
    return -1, b""


@lru_cache(4096)
def _read_head(head: bytes) -> tuple[int, int, int] | None:
    """Run, port and the high part of the number that a tag's first bytes say; None: they are not of a tag."""
    match = _HEAD.fullmatch(head)
    if match is None:
        return None
    run, port, high = (int(digits, 16) for digits in match.groups())
    return run, port, high * _EPOCH


def _events(messages: Messages, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """All events of some messages: the message of each, its place in the message, its start and its length."""
    counts = messages.events[which]
    owner = np.repeat(which, counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    into = place * messages.segments[owner]
    lengths = np.minimum(messages.segments[owner], messages.lengths[owner] - into)
    return owner, place, messages.starts[owner] + into, lengths


def _singles(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[Tags, NDArray[np.bool_], NDArray[np.bool_]]:
    """The tags of single events; for events without one, whether they have a marker, and whether the tag was cut."""
    marked, parted = np.zeros((2, len(starts)), np.bool_)
    tags = _read(data, starts + np.maximum(lengths - TAG_BYTES, 0))
    tags.sound[lengths < TAG_BYTES] = False
    rest = np.flatnonzero(~tags.sound)
    if not rest.size:
        return tags, marked, parted
    width = max(TAG_BYTES + 2, min(int(lengths[rest].max()), MOST_EVENT_BYTES))
    rows = texts_at(data, starts[rest], width)
    if _MARK in rows.tobytes():
        for row, at in _opened(rows, lengths[rest]):
            _add(tags, rest[row], _read(data, starts[rest[row]] + at))
        left = np.flatnonzero(~tags.sound[rest])
        events = [row[:length].tobytes() for row, length in zip(rows[left], lengths[rest[left]].tolist(), strict=True)]
        marked[rest[left]] = [_MARK in event for event in events]
        parted[rest[left]] = [_PARTED.search(event, max(0, len(event) - _LONGEST_PART)) is not None for event in events]
    return tags, marked, parted


def _read(data: NDArray[np.uint8], places: NDArray[np.int64]) -> Tags:
    """The tags at `places`; tags with capitals are not sound, since `replay run` writes none."""
    texts = texts_at(data, places, TAG_BYTES)
    tags = parse_tags(texts)
    tags.sound[((texts >= ord("A")) & (texts <= ord("F"))).any(axis=1)] = False
    return tags


def _opened(
    rows: NDArray[np.uint8], lengths: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Places in `rows`, shape (events, bytes), that look like a tag behind its opening: rows and columns.

    They are yielded in groups: each group has a row once at most, and the first place of a row comes first.
    """
    hyphens = rows == _HYPHEN
    first, second = _HYPHENS
    end = rows.shape[1] - TAG_BYTES + 1
    row, column = np.nonzero(hyphens[:, first : first + end] & hyphens[:, second : second + end])
    within = column + TAG_BYTES <= lengths[row]
    row, column = row[within], column[within]
    opened = np.zeros(len(row), np.bool_)
    for opening in _OPENINGS:
        width = len(opening)
        far = np.flatnonzero(column >= width)
        before = sliding_window_view(rows, width, axis=1)[row[far], column[far] - width]
        opened[far] |= (before == np.frombuffer(opening, np.uint8)).all(axis=1)
    row, column = row[opened], column[opened]
    while row.size:
        _, once = np.unique(row, return_index=True)
        yield row[once], column[once]
        row, column = np.delete(row, once), np.delete(column, once)


def _add(tags: Tags, which: NDArray[np.int64], found: Tags) -> None:
    """Put those `found` that are sound into the places `which` of `tags` that have none yet."""
    new = found.sound & ~tags.sound[which]
    for column, values in zip(tags, found, strict=True):
        column[which[new]] = values[new]
