"""The events of one file of text, as they stand there: lines, texts in lines of JSON, or entries of a journal."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Final

from captures.console.errors import InputError
from captures.console.units import counted
from captures.convert.import_request import TextForm, TextRequest
from captures.format.layout import MAX_TRAIN_BYTES
from captures.format.stamps.zones import Zone
from captures.packets.containers.packets_of import HEAD_BYTES, foreign_kind, is_packets
from captures.packets.sources.broken import BrokenInput, Interrupted
from captures.packets.sources.streams import Stream
from captures.text.journal import Journal
from captures.text.json_lines import MOST_LINE_BYTES, json_texts
from captures.text.lines import Lines
from captures.text.messages import Messages

EMPTY: Final = "empty"
LONG: Final = "longer than a datagram can be"
LONG_JSON: Final = "lines of JSON longer than 1 MiB"
NO_TEXT: Final = "without a text in the field"
"""The name of the field stands behind it."""
NO_MESSAGE: Final = "without MESSAGE or time"
CUT: Final = "cut short, where the source is broken"
REMARK: Final = "remarks of journalctl between entries"
_READ_BYTES: Final = 1 << 20


_JOURNAL_FRONT: Final = b"__CURSOR="
_FLAGS: Final = {TextForm.LINES: "--lines", TextForm.JSON: "--json-field", TextForm.JOURNAL: "--journal"}


class NotText(InputError):
    """An input that is certainly no text, or not of the form that is asked for."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


class _Raw(io.RawIOBase):
    """A stream as a file. It ends where the stream is broken, and `damage` says so, so that nothing before is lost."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ahead = b""
        self.damage: BrokenInput | None = None

    def peek(self, count: int) -> bytes:
        """The first `count` bytes, which stay to be read; fewer only if there are no more."""
        while len(self._ahead) < count and (more := self._read_into(memoryview(room := bytearray(count)))):
            self._ahead += room[:more]
        return self._ahead[:count]

    def readable(self) -> bool:
        return True

    def readinto(self, room: "memoryview[int]") -> int:  # type: ignore[override]  # all that io gives is one
        if self._ahead:
            count = min(len(room), len(self._ahead))
            room[:count], self._ahead = self._ahead[:count], self._ahead[count:]
            return count
        return self._read_into(memoryview(room))

    def _read_into(self, room: memoryview) -> int:
        try:
            return 0 if self.damage else self._stream.read_into(room)
        except BrokenInput as damage:
            self.damage = damage
            return 0


def text_batches(
    name: str, stream: Stream, asked: TextRequest, zone: Zone, left_out: Counter[str]
) -> Iterator[Messages]:
    """The events of a stream, in batches; those of a journal have their instants.

    What is none is counted by its reason. Raises NotText for what is something else, and
    BrokenInput after all that is good.
    """
    raw = _Raw(stream)
    _refuse_foreign(name, raw.peek(HEAD_BYTES), asked.form)
    file = io.BufferedReader(raw, _READ_BYTES)
    if asked.form is TextForm.JOURNAL:
        journal = Journal(file, modern=asked.modern, zone=zone)
        yield from journal
        _count(left_out, NO_MESSAGE, journal.empty_entries)
        _count(left_out, LONG, journal.long_entries)
        _count(left_out, REMARK, journal.remarks)
        if isinstance(raw.damage, Interrupted):
            _count(left_out, CUT, journal.broken_parts)
        elif journal.broken_parts:
            raise _broken_journal(name, journal, raw.damage)
    else:
        longest = MOST_LINE_BYTES if asked.form is TextForm.JSON else MAX_TRAIN_BYTES
        lines = Lines(file, longest=longest, is_whole=lambda: raw.damage is None)
        for batch in lines:
            if asked.form is TextForm.JSON:
                texts = json_texts(batch, asked.json_field)
                _count(left_out, f"{NO_TEXT} {asked.json_field}", texts.missing)
                _count(left_out, LONG, texts.long)
                yield texts.batch
            else:
                yield batch
        _count(left_out, EMPTY, lines.empty_lines)
        _count(left_out, LONG_JSON if asked.form is TextForm.JSON else LONG, lines.long_lines)
        _count(left_out, CUT, lines.cut_lines)
    if raw.damage is not None:
        raise raw.damage


def _refuse_foreign(name: str, head: bytes, form: TextForm) -> None:
    if is_packets(head):
        raise NotText(name, f"these are packets, and no text; leave {_FLAGS[form]} out")
    if form is not TextForm.JOURNAL and head.startswith(_JOURNAL_FRONT):
        raise NotText(name, f"this was written by journalctl -o export; say --journal in place of {_FLAGS[form]}")
    if what := foreign_kind(head):
        raise NotText(name, what)


def _broken_journal(name: str, journal: Journal, damage: BrokenInput | None) -> BrokenInput:
    """What is wrong with a journal: parts that are no entries, and why its end is missing, if that is known."""
    where = f"{counted(journal.broken_parts, 'part')} with {counted(journal.broken_bytes, 'byte')} in all"
    why = "no whole entries of a journal: damaged, cut, or still being written"
    return BrokenInput(name, where, f"{why}; {damage.where}: {damage.why}" if damage else why)


def _count(left_out: Counter[str], why: str, count: int) -> None:
    if count:
        left_out[why] += count
