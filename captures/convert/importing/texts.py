"""The events of files of text: lines of a log, JSON, or a journal, as messages."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from captures.convert.import_request import ImportRequest, TextForm, TextRequest
from captures.convert.importing.remarks import PacketFigures
from captures.convert.importing.text_batches import text_batches
from captures.packets.sources.inputs import Input
from captures.text.finding import Finder
from captures.text.messages import Messages
from captures.text.wrapping import even_instants, filled_instants, said_instants, wrapped


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
            for batch in text_batches(source.name, stream, self._asked, self._asked.zone, self.left_out):
                yield self._wanted(self._shaped(batch))

    def finish(self) -> Iterator[Messages]:
        """What is held back: nothing."""
        return iter(())

    def _leave_out(self, why: str, count: int) -> None:
        if count:
            self.left_out[why] += count

    def _shaped(self, lines: Messages) -> Messages:
        """Lines as they are asked for: behind a header."""
        asked = self._asked
        if asked.form is TextForm.JOURNAL:
            return lines
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
