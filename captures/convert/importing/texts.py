"""The events of files of text as messages: with their instants and behind a header, where that is asked for."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from captures.convert.import_request import ImportRequest, TextRequest
from captures.convert.importing.remarks import PacketFigures
from captures.convert.importing.text_batches import text_batches
from captures.packets.sources.inputs import Input
from captures.text.finding import Finder
from captures.text.messages import NO_INSTANT, Messages
from captures.text.wrapping import even_instants, filled_instants, said_instants, wrapped

LONG_WITH_HEADER: Final = "longer than a datagram can be with that header"
OTHER_TIME: Final = "not in the time asked for"
_MOST_HELD: Final = 16
"""So many batches without any instant are held back until one is known."""


class TextSource:
    """Reads the events of one text after the other."""

    figures: PacketFigures | None = None
    """There are no packets."""

    def __init__(self, request: ImportRequest, asked: TextRequest, finder: Finder) -> None:
        """`finder` finds what lines say, for the instants of those that get a header or are wanted by their time."""
        self._request, self._asked, self._finder = request, asked, finder
        self._events, self._last_ns, self._written_ns = 0, NO_INSTANT, 0
        self._held: list[Messages] = []
        self.left_out: Counter[str] = Counter()
        """How many lines or entries became no event, by the reason."""

    def messages(self, source: Input, progress: Callable[[int], object]) -> Iterator[Messages]:
        """The events of a source. Raises InputError if it can't be opened, BrokenInput after all that is good."""
        self._finder.begin_file(source.written_ns)
        if not self._held:
            self._written_ns = source.written_ns
        with source.opened(progress) as stream:
            for batch in text_batches(source.name, stream, self._asked, self._request.zone, self.left_out):
                yield from map(self._shaped, self._dated(batch))

    def finish(self) -> Iterator[Messages]:
        """What is held back: no line said an instant so far, and that is when the file was written."""
        held, self._held = self._held, []
        self._last_ns = self._written_ns
        for batch in held:
            yield self._shaped(self._filled(batch))

    def _dated(self, batch: Messages) -> Iterator[Messages]:
        """Events with their instants, if these are needed: a line without one has that of the line before.

        What comes before the first one that is known has that one, and is held back until then.
        """
        request, asked = self._request, self._asked
        if asked.rate_eps is not None:
            count = len(batch.messages)
            start_ns = request.from_ns or 0
            batch.messages["instant_ns"] = even_instants(start_ns, asked.rate_eps, self._events, count)
            self._events += count
        elif asked.header is not None or request.from_ns is not None or request.to_ns is not None:
            unknown = batch.messages["instant_ns"] == NO_INSTANT
            if unknown.any():
                said_ns = said_instants(self._finder.find(batch))
                batch.messages["instant_ns"] = np.where(unknown, said_ns, batch.messages["instant_ns"])
            if self._last_ns == NO_INSTANT:
                yield from self._first_dated(batch)
                return
            batch = self._filled(batch)
        yield batch

    def _first_dated(self, batch: Messages) -> Iterator[Messages]:
        """The same, as long as no instant is known."""
        self._held.append(batch)
        known_ns = batch.messages["instant_ns"][batch.messages["instant_ns"] != NO_INSTANT]
        if len(known_ns) or len(self._held) >= _MOST_HELD:
            held, self._held = self._held, []
            self._last_ns = int(known_ns[0]) if len(known_ns) else self._written_ns
            yield from map(self._filled, held)

    def _filled(self, batch: Messages) -> Messages:
        instants_ns = filled_instants(batch.messages["instant_ns"], self._last_ns)
        batch.messages["instant_ns"] = instants_ns
        if len(instants_ns):
            self._last_ns = int(instants_ns[-1])
        return batch

    def _shaped(self, batch: Messages) -> Messages:
        """Those that came in the time that is asked for, behind the header that is asked for."""
        low, high = self._request.from_ns, self._request.to_ns
        if low is not None or high is not None:
            instants_ns = batch.messages["instant_ns"]
            wanted = instants_ns >= (low or 0)
            if high is not None:
                wanted &= instants_ns < high
            self._leave_out(OTHER_TIME, int(len(wanted) - wanted.sum()))
            batch = batch._replace(messages=batch.messages[wanted])
        if self._asked.header is not None:
            batch, long = wrapped(batch, batch.messages["instant_ns"].copy(), self._asked.header)
            self._leave_out(LONG_WITH_HEADER, long)
        return batch

    def _leave_out(self, why: str, count: int) -> None:
        if count:
            self.left_out[why] += count
