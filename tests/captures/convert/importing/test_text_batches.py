"""A text whose stream ends by a signal is ended, and not broken."""

from collections import Counter

import pytest

from captures.convert.import_request import TextForm, TextRequest
from captures.convert.importing.text_batches import CUT, text_batches
from captures.format.stamps.zones import UTC
from captures.packets.sources.broken import Interrupted

ENTRY = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1756548930123456\nMESSAGE=x\n\n"


class _Ended:
    """A pipe that a signal ends behind some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_into(self, room: memoryview) -> int:
        if not self._data:
            raise Interrupted("-", "byte 1", "ended by SIGINT")
        count = min(len(room), len(self._data))
        room[:count], self._data = self._data[:count], self._data[count:]
        return count


@pytest.mark.parametrize(
    ("form", "data", "cut"),
    [
        (TextForm.JOURNAL, ENTRY + ENTRY[:-9], 1),
        (TextForm.JOURNAL, ENTRY, 0),
        (TextForm.LINES, b"one\ntw", 1),
        (TextForm.LINES, b"one\n", 0),
    ],
)
def test_what_a_signal_cuts_short_is_counted_and_the_signal_told(form: TextForm, data: bytes, cut: int) -> None:
    left_out, events = Counter[str](), 0
    with pytest.raises(Interrupted):
        for batch in text_batches("-", _Ended(data), TextRequest(form), UTC, left_out):
            events += len(batch.messages)
    assert (events, left_out[CUT]) == (1, cut)
