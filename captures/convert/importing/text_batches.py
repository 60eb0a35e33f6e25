"""The events of one file of text, as they stand there: lines, texts in lines of JSON, or entries of a journal."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Final

from captures.console.units import counted
from captures.convert.import_request import TextForm, TextRequest
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.streams import Stream
from captures.text.journal import Journal
from captures.text.json_lines import json_texts
from captures.text.lines import Lines
from captures.text.messages import Messages

EMPTY: Final = "empty"
LONG: Final = "longer than a datagram can be"
NO_TEXT: Final = "without a text in the field"
"""The name of the field stands behind it."""
NO_MESSAGE: Final = "without MESSAGE or time"
_READ_BYTES: Final = 1 << 20


class _Raw(io.RawIOBase):
    """A stream as a file. It ends where the stream is broken, and `damage` says so, so that nothing before is lost."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.damage: BrokenInput | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, room: "memoryview[int]") -> int:  # type: ignore[override]  # all that io gives is one
        try:
            return 0 if self.damage else self._stream.read_into(memoryview(room))
        except BrokenInput as damage:
            self.damage = damage
            return 0


def text_batches(
    name: str, stream: Stream, asked: TextRequest, zone_minutes: int, left_out: Counter[str]
) -> Iterator[Messages]:
    """The events of a stream, in batches; those of a journal have their instants. What is none is counted by reason.

    Raises BrokenInput after all that is good.
    """
    raw = _Raw(stream)
    file = io.BufferedReader(raw, _READ_BYTES)
    if asked.form is TextForm.JOURNAL:
        journal = Journal(file, modern=asked.modern, zone_minutes=zone_minutes)
        yield from journal
        _count(left_out, NO_MESSAGE, journal.empty_entries)
        _count(left_out, LONG, journal.long_entries)
        if journal.broken_bytes:
            where = f"its last {counted(journal.broken_bytes, 'byte')}"
            raise BrokenInput(name, where, "are no whole entry of a journal")
    else:
        lines = Lines(file)
        for batch in lines:
            if asked.form is TextForm.JSON:
                texts, missing = json_texts(batch, asked.json_field)
                _count(left_out, f"{NO_TEXT} {asked.json_field}", missing)
                yield texts
            else:
                yield batch
        _count(left_out, EMPTY, lines.empty_lines)
        _count(left_out, LONG, lines.long_lines)
    if raw.damage is not None:
        raise raw.damage


def _count(left_out: Counter[str], why: str, count: int) -> None:
    if count:
        left_out[why] += count
