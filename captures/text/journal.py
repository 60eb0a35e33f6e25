"""A journal as `journalctl -o export` writes it, as messages: an entry is a line of RFC 3164 or RFC 5424."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel, int64, kernel
from captures.compiled.words import words_of
from captures.format.layout import MAX_TRAIN_BYTES
from captures.format.stamps.kinds import StampKind
from captures.format.stamps.zones import UTC, Zone
from captures.text.finding import SLACK_BYTES
from captures.text.journal_entries import (
    BROKEN,
    FRONT_BYTES,
    HEAD_BYTES,
    LARGE,
    MESSAGE,
    REALTIME,
    UNFINISHED,
    WANTED,
    WHOLE,
    entry_at,
    field_at,
    next_entry,
    number_of,
    write_entry,
)
from captures.text.messages import Messages, as_messages

BATCH_BYTES: Final = 4 << 20
_MOST_ENTRIES: Final = 1 << 14
_WORDS_BYTES: Final = 3 * 512
"""Host, name and process of an entry are shorter."""
_LAST_US: Final = (1 << 63) // 1000 - 86_400_000_000
_TOO_LONG: Final = b" " * (MAX_TRAIN_BYTES + 1)
"""This stands in for the value of a field that is too large to be held."""

_EVENTS, _BLANK, _MESSAGELESS, _LONG, _REMARKS, _BROKEN_PARTS, _BROKEN_BYTES = range(7)
"""What is counted: entries that are events; empty lines; entries without MESSAGE or time; those whose line would be too
long; remarks of journalctl; parts that are no entries, and their bytes.
"""
_SHORTENED_BYTES, _IN_DAMAGE, _ENDED = range(7, 10)
"""How it stands: by how many bytes the entry at hand was shortened; whether the next entry is being looked for behind a
broken place; and whether nothing follows the bytes at hand.
"""
_HYPHEN, _LF = ord("-"), ord("\n")


class Journal:
    """Reads entries out of a file, a pipe, or what unpacks one.

    What is no entry is passed over up to the next one, and counted. An entry without its end is none: the file was cut.
    """

    def __init__(self, file: BinaryIO, *, modern: bool = False, zone: Zone = UTC) -> None:
        """The lines are of RFC 5424, if `modern`, and in UTC; or else of RFC 3164, and in `zone`."""
        self._file = file
        self._modern = modern
        self._zone = UTC if modern else zone
        self._counts = np.zeros(10, np.int64)
        self.large_fields = 0
        """Fields that were passed over, since they are too large for any event."""

    @property
    def empty_entries(self) -> int:
        """How many entries have no MESSAGE, or no time, and are no events."""
        return int(self._counts[_MESSAGELESS])

    @property
    def long_entries(self) -> int:
        """How many entries were left out, since their line is longer than the payload of a UDP datagram can be."""
        return int(self._counts[_LONG])

    @property
    def remarks(self) -> int:
        """How many lines are of journalctl itself, and of no entry, such as `-- Reboot --`."""
        return int(self._counts[_REMARKS])

    @property
    def broken_parts(self) -> int:
        """How many stretches of the file are no whole entries."""
        return int(self._counts[_BROKEN_PARTS])

    @property
    def broken_bytes(self) -> int:
        """How many bytes these have."""
        return int(self._counts[_BROKEN_BYTES])

    def __iter__(self) -> Iterator[Messages]:
        """Batches of entries with their instants. Raises what reading the file raises."""
        raw, ended = b"", False
        while not ended:
            more = self._file.read(BATCH_BYTES)
            raw, start, went, ended = raw + more, 0, WHOLE, not more
            self._counts[_ENDED] = ended
            while went == WHOLE:
                batch, went, start, field = self._entries(raw, start)
                if len(batch.messages):
                    yield batch
                if went == LARGE:
                    raw, start, went = self._without_field(raw[start:], field - start), 0, WHOLE
            raw = raw[start:]
            if len(raw) > BATCH_BYTES:
                raw = self._shortened(raw)

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
            self._zone.table,
            int(self._modern),
            out,
            places,
            lengths,
            instants_ns,
            self._counts,
        )
        batch = as_messages(out, places[:count], lengths[:count])
        batch.messages["instant_ns"] = instants_ns[:count]
        return batch, went, start, field

    def _without_field(self, entry: bytes, field: int) -> bytes:
        """The start of an entry whose large field at `field` is read to its end, and forgotten but for its name.

        If the field does not end as it should, this is what is to be looked through for the next entry.
        """
        data = np.frombuffer(entry + bytes(SLACK_BYTES), np.uint8)
        _, name_end, value, size = field_at(data, words_of(data), field, len(entry))
        if data[name_end] == ord("="):
            left_bytes, passed_bytes, last = 0, 0, b""
            while not last.endswith(b"\n") and (last := self._file.readline(BATCH_BYTES)):
                passed_bytes += len(last)
        else:
            left_bytes, passed_bytes, last = value + size + 1 - len(entry), 0, b""
            while passed_bytes < left_bytes and (more := self._file.read(min(left_bytes - passed_bytes, BATCH_BYTES))):
                passed_bytes, last = passed_bytes + len(more), more
        if not last.endswith(b"\n") or passed_bytes < left_bytes:
            cut = not last or passed_bytes < left_bytes  # nothing follows, so that what is here can be looked through
            enter_damage(self._counts, passed_bytes + (field if cut else len(entry)))
            return entry[field:] if cut else b""
        self.large_fields += 1
        stand_in = entry[field:name_end] + b"=" + _TOO_LONG + b"\n"
        self._counts[_SHORTENED_BYTES] += len(entry) - field + passed_bytes - len(stand_in)
        return entry[:field] + stand_in

    def _shortened(self, entry: bytes) -> bytes:
        """The start of an entry, of whose fields only those are left that make its line: so it may be of any size."""
        data = np.frombuffer(entry + bytes(SLACK_BYTES), np.uint8)
        places, lengths = np.zeros(len(WANTED), np.int64), np.zeros(len(WANTED), np.int64)
        _, field = entry_at(data, words_of(data), 0, len(entry), places, lengths)
        kept = b"".join(
            name.encode() + b"\n" + struct.pack("<Q", length) + entry[place : place + length] + b"\n"
            for name, place, length in zip(WANTED, places.tolist(), lengths.tolist(), strict=True)
            if length >= 0
        )
        self._counts[_SHORTENED_BYTES] += field - len(kept)
        return kept + entry[field:]


@allocating_kernel
def write_all(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    at: int,
    end: int,
    kind: int,
    zones: NDArray[np.int64],
    version: int,
    out: NDArray[np.uint8],
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
    instants_ns: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Write the entries from `at` to `end` into `out`, back to back, as long as there is room.

    Returns how many there are; how it went with the next one, WHOLE if it has only to be read again; where that begins;
    and at which of its fields it went so.
    """
    field_places, field_lengths = np.zeros(len(WANTED), np.int64), np.zeros(len(WANTED), np.int64)
    count, to = 0, int64(0)
    while at < end:
        if counts[_IN_DAMAGE]:
            at = behind_damage(buffer, words, at, end, counts)
            if counts[_IN_DAMAGE]:
                break
        went, behind = entry_at(buffer, words, at, end, field_places, field_lengths)
        if went == BROKEN or (counts[_ENDED] and went == UNFINISHED):
            enter_damage(counts, behind - at)
            at = behind
            continue
        if went != WHOLE:
            return count, went, at, behind
        is_what = what_is(buffer, at, field_places, field_lengths)
        if is_what == _EVENTS:
            if count == len(places) or to + field_lengths[MESSAGE] + HEAD_BYTES + _WORDS_BYTES > len(out):
                return count, WHOLE, at, at
            entry_end = write_entry(buffer, field_places, field_lengths, kind, zones, version, out, to)
            if entry_end - to > MAX_TRAIN_BYTES:
                is_what = _LONG
            else:
                moment_us = number_of(buffer, REALTIME, field_places, field_lengths)
                places[count], lengths[count], instants_ns[count] = to, entry_end - to, 1000 * moment_us
                count, to = count + 1, entry_end
        counts[is_what] += 1
        counts[_SHORTENED_BYTES] = 0
        at = behind
    return count, UNFINISHED, int64(at), int64(at)


@kernel
def what_is(buffer: NDArray[np.uint8], at: int, places: NDArray[np.int64], lengths: NDArray[np.int64]) -> int:
    """As what the entry at `at` is counted, whose fields are those."""
    moment_us = number_of(buffer, REALTIME, places, lengths)
    if lengths[MESSAGE] >= 0 and 0 <= moment_us <= _LAST_US:
        return _LONG if lengths[MESSAGE] > MAX_TRAIN_BYTES else _EVENTS
    return _REMARKS if buffer[at] == _HYPHEN else _BLANK if buffer[at] == _LF else _MESSAGELESS


@kernel
def enter_damage(counts: NDArray[np.int64], count: int) -> None:
    """Count the entry at hand as broken, of which `count` bytes are there, and have the next one looked for."""
    counts[_BROKEN_PARTS] += 1
    counts[_BROKEN_BYTES] += counts[_SHORTENED_BYTES] + count
    counts[_SHORTENED_BYTES], counts[_IN_DAMAGE] = 0, 1


@kernel
def behind_damage(
    buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int, counts: NDArray[np.int64]
) -> int:
    """Where it goes on behind a broken place: at the next entry, or where more bytes are needed to tell, or at `end`.

    The bytes up to there are counted.
    """
    begin = next_entry(buffer, words, at, end)
    if begin >= 0:
        counts[_IN_DAMAGE] = 0
    else:
        begin = end if counts[_ENDED] else max(at, end - FRONT_BYTES)
    counts[_BROKEN_BYTES] += begin - at
    return int64(begin)
