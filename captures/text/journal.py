"""A journal as `journalctl -o export` writes it, as messages: an entry is a line of RFC 3164 or RFC 5424."""

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel, int64
from captures.compiled.words import words_of
from captures.format.layout import MAX_TRAIN_BYTES
from captures.format.stamps.kinds import StampKind
from captures.text.finding import SLACK_BYTES
from captures.text.journal_entries import (
    BROKEN,
    HEAD_BYTES,
    LARGE,
    MESSAGE,
    REALTIME,
    UNFINISHED,
    WANTED,
    WHOLE,
    entry_at,
    field_at,
    number_of,
    write_entry,
)
from captures.text.messages import Messages, as_messages

BATCH_BYTES: Final = 4 << 20
_MOST_ENTRIES: Final = 1 << 14
_WORDS_BYTES: Final = 3 * 512
"""Host, name and process of an entry are shorter."""
_LAST_US: Final = (1 << 63) // 1000 - 86_400_000_000
_MOST_ENTRY_BYTES: Final = 16 << 20

_MESSAGELESS, _LONG = 0, 1
"""The places of `skipped`: entries without MESSAGE or time, and those whose line would be too long."""


class Journal:
    """Reads entries out of a file, a pipe, or what unpacks one."""

    def __init__(self, file: BinaryIO, *, modern: bool = False, zone_minutes: int = 0) -> None:
        """The lines are of RFC 5424, if `modern`, and in UTC; or else of RFC 3164, and in a zone east of UTC."""
        self._file = file
        self._modern = modern
        self._zone_minutes = 0 if modern else zone_minutes
        self._skipped = np.zeros(2, np.int64)
        self.broken_bytes = 0
        """Bytes at the end that are no whole entry; what stands behind a place that is no entry is not read."""
        self.large_fields = 0
        """Fields that were passed over, since they are too large for any event."""

    @property
    def empty_entries(self) -> int:
        """How many entries have no MESSAGE, or no time, and are no events."""
        return int(self._skipped[_MESSAGELESS])

    @property
    def long_entries(self) -> int:
        """How many entries were left out, since their line is longer than the payload of a UDP datagram can be."""
        return int(self._skipped[_LONG])

    def __iter__(self) -> Iterator[Messages]:
        """Batches of entries with their instants. Raises what reading the file raises."""
        rest = b""
        while more := self._file.read(BATCH_BYTES):
            raw, start = rest + more, 0
            went = WHOLE
            while went == WHOLE:
                batch, went, start, field = self._entries(raw, start)
                if len(batch.messages):
                    yield batch
            rest = raw[start:]
            if went == LARGE:
                rest = self._without_field(rest, field - start)
            elif went == BROKEN or len(rest) > _MOST_ENTRY_BYTES:
                break
        if rest.strip(b"\n"):
            yield from self._last(rest)

    def _last(self, rest: bytes) -> Iterator[Messages]:
        """What the file ends with: an entry without the empty line behind it, or the start of one."""
        batch, went, start, _ = self._entries(rest + b"\n\n", 0)
        if len(batch.messages):
            yield batch
        if went != WHOLE:
            self.broken_bytes += max(len(rest) - start, 0)

    def _entries(self, raw: bytes, start: int) -> tuple[Messages, int, int, int]:
        """The entries from `start` on, as far as there is room; how it went; the first one left, and a field in it."""
        data = np.frombuffer(raw + bytes(SLACK_BYTES), np.uint8)
        out = np.empty(BATCH_BYTES + MAX_TRAIN_BYTES + SLACK_BYTES, np.uint8)
        places, lengths, instants_ns = (np.empty(_MOST_ENTRIES, np.int64) for _ in range(3))
        kind = StampKind.RFC3339_US if self._modern else StampKind.RFC3164
        count, went, start, field = write_all(
            data,
            words_of(data),
            start,
            len(raw),
            int(kind),
            self._zone_minutes,
            int(self._modern),
            out,
            places,
            lengths,
            instants_ns,
            self._skipped,
        )
        batch = as_messages(out, places[:count], lengths[:count])
        batch.messages["instant_ns"] = instants_ns[:count]
        return batch, went, start, field

    def _without_field(self, entry: bytes, field: int) -> bytes:
        """The start of an entry without the large field at `field`, of which the rest is read and forgotten."""
        data = np.frombuffer(entry + bytes(SLACK_BYTES), np.uint8)
        _, name_end, value, size = field_at(data, words_of(data), field, len(entry))
        self.large_fields += 1
        if data[name_end] == ord("="):
            while line := self._file.readline(BATCH_BYTES):
                if line.endswith(b"\n"):
                    break
            return entry[:field]
        left = value + size + 1 - len(entry)
        while left > 0 and (passed := len(self._file.read(min(left, BATCH_BYTES)))):
            left -= passed
        return entry[:field] + entry[value + size + 1 :]


@allocating_kernel
def write_all(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    at: int,
    end: int,
    kind: int,
    zone_minutes: int,
    version: int,
    out: NDArray[np.uint8],
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
    instants_ns: NDArray[np.int64],
    skipped: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Write the entries from `at` to `end` into `out`, back to back, as long as there is room.

    Returns how many there are; how it went with the next one, WHOLE if it has only to be read again; where that begins;
    and at which of its fields it went so.
    """
    field_places, field_lengths = np.zeros(len(WANTED), np.int64), np.zeros(len(WANTED), np.int64)
    count, to = 0, int64(0)
    while at < end:
        went, behind = entry_at(buffer, words, at, end, field_places, field_lengths)
        if went != WHOLE:
            return count, went, at, behind
        moment_us = number_of(buffer, REALTIME, field_places, field_lengths)
        length = field_lengths[MESSAGE]
        if length < 0 or moment_us < 0 or moment_us > _LAST_US:
            if behind > at + 1:  # more than an empty line
                skipped[_MESSAGELESS] += 1
        elif length > MAX_TRAIN_BYTES:
            skipped[_LONG] += 1
        else:
            if count == len(places) or to + length + HEAD_BYTES + _WORDS_BYTES > len(out):
                return count, WHOLE, at, at
            entry_end = write_entry(buffer, field_places, field_lengths, kind, zone_minutes, version, out, to)
            if entry_end - to > MAX_TRAIN_BYTES:
                skipped[_LONG] += 1
            else:
                places[count], lengths[count], instants_ns[count] = to, entry_end - to, 1000 * moment_us
                count, to = count + 1, entry_end
        at = behind
    return count, UNFINISHED, int64(at), int64(at)
