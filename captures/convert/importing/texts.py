"""The events of files of text: lines of a log, JSON, or a journal, as messages."""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from captures.console.units import counted
from captures.convert.import_request import ImportRequest, TextForm, TextRequest
from captures.convert.importing.remarks import PacketFigures
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import Input
from captures.packets.sources.streams import Stream
from captures.text.finding import Finder
from captures.text.journal import Journal
from captures.text.json_lines import json_texts
from captures.text.lines import Lines
from captures.text.messages import Messages
from captures.text.wrapping import even_instants, filled_instants, said_instants, wrapped

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


class TextSource:
    """Reads the events of one text after the other."""

    figures: PacketFigures | None = None
    """There are no packets."""

    def __init__(self, request: ImportRequest, asked: TextRequest, finder: Finder) -> None:
        """`finder` finds what lines say, for the instants of those that get a header or are wanted by their time."""
        self._request, self._asked, self._finder = request, asked, finder
        self._events, self._last_ns = 0, request.from_ns or 0
        self.left_out: Counter[str] = Counter()
        """How many lines or entries became no event, by the reason."""

    def messages(self, source: Input, progress: Callable[[int], object]) -> Iterator[Messages]:
        """The events of a source. Raises InputError if it can't be opened, BrokenInput after all that is good."""
        with source.opened(progress) as stream:
            raw = _Raw(stream)
            file = io.BufferedReader(raw, _READ_BYTES)
            if self._asked.form is TextForm.JOURNAL:
                journal = Journal(file, zone_minutes=self._asked.zone_minutes)
                yield from map(self._wanted, journal)
                self._leave_out("without MESSAGE or time", journal.empty_entries)
                self._leave_out("longer than a datagram can be", journal.long_entries)
                if journal.broken_bytes:
                    where = f"its last {counted(journal.broken_bytes, 'byte')}"
                    raise BrokenInput(source.name, where, "are no whole entry of a journal")
            else:
                lines = Lines(file)
                yield from map(self._wanted, map(self._shaped, lines))
                self._leave_out("empty", lines.empty_lines)
                self._leave_out("longer than a datagram can be", lines.long_lines)
            if raw.damage is not None:
                raise raw.damage

    def finish(self) -> Iterator[Messages]:
        """What is held back: nothing."""
        return iter(())

    def _leave_out(self, why: str, count: int) -> None:
        if count:
            self.left_out[why] += count

    def _shaped(self, lines: Messages) -> Messages:
        """Lines as they are asked for: a field of each, or behind a header."""
        asked = self._asked
        if asked.form is TextForm.JSON:
            lines, missing = json_texts(lines, asked.json_field)
            self._leave_out(f"without a text in the field {asked.json_field}", missing)
        if asked.rate_eps is None and asked.header is None:
            return lines
        count = len(lines.messages)
        if asked.rate_eps is not None:
            instants_ns = even_instants(self._request.from_ns or 0, asked.rate_eps, self._events, count)
        else:
            instants_ns = filled_instants(said_instants(self._finder.find(lines)), self._last_ns)
        if count:
            self._last_ns = int(instants_ns[-1])
        self._events += count
        if asked.header is None:
            lines.messages["instant_ns"] = instants_ns
            return lines
        lines, long = wrapped(lines, instants_ns, asked.header)
        self._leave_out("longer than a datagram can be with that header", long)
        return lines

    def _wanted(self, lines: Messages) -> Messages:
        """Those that came in the time that is asked for."""
        low, high = self._request.from_ns, self._request.to_ns
        if low is None and high is None:
            return lines
        said_ns = lines.messages["instant_ns"]
        instants_ns = np.where(said_ns < 0, said_instants(self._finder.find(lines)), said_ns)
        wanted = instants_ns >= (low or 0)
        if high is not None:
            wanted &= instants_ns < high
        self._leave_out("not in the time asked for", int(len(wanted) - wanted.sum()))
        return lines._replace(messages=lines.messages[wanted])
