"""Which stamps do the messages of a round have? A message is a train or a lone event. Pure: bytes in, instants out.

The first events of all messages are read together. Usually the stamps of a train differ in microseconds at most. A
train whose stamps are all equal is recognised by one comparison. Microseconds are read for all messages of a round
together, from the digits of events that agree with a model event in all else. The rest is read event by event.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.sink.verify.stamp_reading import (
    BAD_US,
    COARSE_BYTES,
    FINE_BYTES,
    HEAD_BYTES,
    MICRO_BYTES,
    MILLI_BYTES,
    OFFSET_BYTES,
    SECOND_BYTES,
    UTC_BYTES,
    VERSION_BYTES,
    stamp_us,
)
from replay.unaligned import texts_at

_MOST_MODELS: Final = 16
"""The most events with which the others of a round are compared; more are needed only if stamps are minutes apart."""
_WEIGHTS: Final = 10 ** np.arange(MICRO_BYTES - 1, -1, -1, dtype=np.float32)
"""The weights of the digits of microseconds; all are below 2^24, so float32 sums are exact."""

Stamps = NDArray[np.int64]
"""Shape (n, 3): a message's number, an instant in microseconds since 1970 (or COARSE_US, or BAD_US), and how many of
the message's events say so."""


class Message(NamedTuple):
    """What the kernel handed over at once: datagrams of `segment` bytes, of which the last may be shorter."""

    number: int
    start: int
    end: int
    segment: int

    def heads(self, data: NDArray[np.uint8], events: Iterable[int]) -> Iterator[bytes]:
        """The first bytes of some of its events."""
        for event in events:
            at = self.start + event * self.segment
            yield data[at : min(at + self.segment, at + HEAD_BYTES, self.end)].tobytes()


class Heads(NamedTuple):
    """Where the first events of messages have their stamps; by message."""

    mark: NDArray[np.int64]
    """The column of the `>` before the stamp; -1: there is none."""
    first: NDArray[np.int64]
    """The stamp's first column."""
    end: NDArray[np.int64]
    texts: list[bytes]
    """The text from the `>` to the stamp's end."""
    instants_us: NDArray[np.int64]


def stamps_of(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64], segments: NDArray[np.int64]
) -> Stamps:
    """The stamps of all events of a round of messages; rows of one message may say the same.

    `data` is flat and reaches 2 * HEAD_BYTES behind the last start; message i is `lengths[i]` bytes from `starts[i]`,
    in datagrams of `segments[i]` bytes.
    """
    heads = _heads(data, starts, np.minimum(lengths, segments))
    lone = np.flatnonzero(lengths <= segments)
    found = [np.stack((lone, heads.instants_us[lone], np.ones_like(lone)), axis=1)]
    rows: list[tuple[int, int, int]] = []
    fine: dict[tuple[int, int], list[tuple[Message, bytes]]] = defaultdict(list)
    trains = np.flatnonzero(lengths > segments)
    columns = (trains, starts[trains], lengths[trains], segments[trains], heads.mark[trains], heads.first[trains])
    places = (*columns, heads.end[trains], heads.instants_us[trains])
    for number, start, length, segment, mark, first, end, instant_us in zip(*(c.tolist() for c in places), strict=True):
        count = -(-length // segment)
        stamps = None
        if mark > 0 and length - (count - 1) * segment >= end:
            stamps = np.ndarray((count,), f"V{end - mark}", data, start + mark, (segment,)).tobytes()
        if stamps == heads.texts[number] * count:
            rows.append((number, instant_us, count))
            continue
        message = Message(number, start, start + length, segment)
        if stamps is not None and end - first in FINE_BYTES:
            fine[first - mark, end - mark].append((message, stamps))
        else:
            rows += _one_by_one(data, message, range(count))
    found.append(np.array(rows, np.int64).reshape(-1, 3))
    for (first, width), alike in fine.items():
        found += _fine_stamps(data, alike, first, width)
    return np.concatenate(found)


def _heads(data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Heads:
    """The stamps of the events of `lengths` from `starts` on: what `stamp_reading.layout` and `stamp_us` say of each.

    Those that say the same, and there are few that do not, are read once.
    """
    lengths = np.minimum(lengths, HEAD_BYTES)
    marks = (texts_at(data, starts + 2, 3) == ord(">")) & (np.arange(2, 5) < lengths[:, None])
    mark = np.select([marks[:, 2], marks[:, 1], marks[:, 0]], [4, 3, 2], -1)
    texts = texts_at(data, starts + np.maximum(mark, 0), HEAD_BYTES)
    texts[np.arange(HEAD_BYTES) >= (lengths - mark)[:, None]] = 0
    row = np.arange(len(texts))
    versions = (texts[:, 1] == ord("1")) & (texts[:, 2] == ord(" "))
    first = 1 + VERSION_BYTES * versions
    zone = first + SECOND_BYTES + MILLI_BYTES
    digit = texts[row, zone]
    zone += (MICRO_BYTES - MILLI_BYTES) * ((digit >= ord("0")) & (digit <= ord("9")))
    end = zone + np.where(texts[row, zone] == ord("Z"), UTC_BYTES, OFFSET_BYTES)
    end = np.where(~versions & (texts[:, 4] == ord(" ")), 1 + COARSE_BYTES, end)
    texts[np.arange(HEAD_BYTES) >= end[:, None]] = 0
    said: list[bytes] = texts.view(f"S{HEAD_BYTES}").ravel().tolist()
    known = {text: stamp_us(b"<13" + text) for text in set(said)}
    instants_us = np.array([known[text] for text in said], np.int64)
    return Heads(mark, mark + first, mark + end, said, np.where(mark < 0, BAD_US, instants_us))


def _one_by_one(data: NDArray[np.uint8], message: Message, events: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Rows of Stamps for some events of a message."""
    for head, count in Counter(message.heads(data, events)).items():
        yield message.number, stamp_us(head), count


def _fine_stamps(
    data: NDArray[np.uint8], trains: Sequence[tuple[Message, bytes]], first: int, width: int
) -> Iterator[Stamps]:
    """The stamps of trains that have microseconds: messages, and the `width` bytes from each `>` to its stamp's end.

    The stamp begins at byte `first` of these.
    """
    counts = [len(stamps) // width for _, stamps in trains]
    number = np.repeat([message.number for message, _ in trains], counts)
    events = np.frombuffer(b"".join(stamps for _, stamps in trains), np.uint8).reshape(-1, width)
    fraction = first + SECOND_BYTES
    digits = events[:, fraction : fraction + MICRO_BYTES] - np.uint8(ord("0"))
    micros = (digits.astype(np.float32) @ _WEIGHTS).astype(np.int64)
    unread = np.full(len(events), fill_value=True)
    left = unread.copy() if digits.max() <= 9 else (digits <= 9).all(axis=1)
    for _ in range(_MOST_MODELS):
        if not left.any():
            break
        model = int(left.argmax())
        same = left & _same(events, model, 0, fraction) & _same(events, model, fraction + MICRO_BYTES, width)
        left &= ~same
        instant_us = stamp_us(b"<13" + events[model].tobytes())
        if instant_us == BAD_US:  # perhaps its stamp is longer than those of the others, and was only cut short here
            continue
        unread &= ~same
        instants_us = instant_us + micros[same] - micros[model]
        yield np.stack((number[same], instants_us, np.ones_like(instants_us)), axis=1)
    if unread.any():
        for (message, _), places in zip(trains, np.split(unread, np.cumsum(counts)[:-1]), strict=True):
            rows = list(_one_by_one(data, message, np.flatnonzero(places).tolist()))
            yield np.array(rows, np.int64).reshape(-1, 3)


def _same(events: NDArray[np.uint8], model: int, first: int, end: int) -> NDArray[np.bool_]:
    """Which rows have the same bytes from `first` to `end` as row `model`: compared by words, which may overlap."""
    word = next(size for size in (8, 4, 2, 1) if size <= end - first)
    same = np.full(len(events), fill_value=True)
    for column in {*range(first, end - word, word), end - word}:
        words = np.ndarray((len(events),), f"u{word}", events, column, events.strides[:1])
        same &= words == words[model]
    return same
