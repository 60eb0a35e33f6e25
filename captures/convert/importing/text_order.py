"""In which order are files of text read? By their first instants; those of a rotated set stay together.

A set is in the order that logrotate(8) gave its names, and begins when the first of its stamps says.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from captures.console.errors import InputError
from captures.convert.import_request import TextRequest
from captures.convert.importing.text_batches import text_batches
from captures.format.stamps.zones import Zone
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import Input
from captures.packets.sources.streams import Stream
from captures.packets.sources.time_order import in_time_order, name_order
from captures.text.finding import Finder
from captures.text.messages import NO_INSTANT
from captures.text.wrapping import said_instants

LOOK_BYTES: Final = 1 << 16
"""The first stamp is looked for in so many bytes of a file."""


class _Head:
    """The first bytes of a stream, as a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._left = stream, LOOK_BYTES

    def read_into(self, room: memoryview) -> int:
        """As `Stream.read_into`."""
        if not self._left:
            return 0
        count = self._stream.read_into(room[: self._left])
        self._left -= count
        return count


def in_text_order(
    inputs: Sequence[Input], asked: TextRequest, new_finder: Callable[[], Finder], zone: Zone
) -> list[Input]:
    """The inputs, the oldest first; sets of which no instant is known come last, but for pipes."""
    first_of_set: dict[str, int | None] = {}

    def of_set(each: Input) -> int | None:
        return first_of_set[_set_of(each)]

    if len(inputs) > 1:
        for each in inputs:
            first_ns = _first_instant(each, asked, new_finder(), zone) if each.size_bytes is not None else None
            known = [ns for ns in (first_of_set.get(_set_of(each)), first_ns) if ns is not None]
            first_of_set[_set_of(each)] = min(known, default=None)
        return in_time_order(inputs, of_set)
    return list(inputs)


def _set_of(each: Input) -> str:
    """What files of one rotated set have in common."""
    return repr(name_order(each.name)[0])


def _first_instant(source: Input, asked: TextRequest, finder: Finder, zone: Zone) -> int | None:
    """The first instant in the first LOOK_BYTES of a file; None: they say none, or can't be read."""
    finder.begin_file(source.written_ns)
    try:
        with source.opened() as stream:
            for batch in text_batches(source.name, _Head(stream), asked, zone, Counter()):
                own_ns = batch.messages["instant_ns"]
                instants_ns = np.where(own_ns == NO_INSTANT, said_instants(finder.find(batch)), own_ns)
                known_ns = instants_ns[instants_ns != NO_INSTANT]
                if len(known_ns):
                    return int(known_ns[0])
    except (InputError, BrokenInput):
        pass  # reading it says what is wrong
    return None
