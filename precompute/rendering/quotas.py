"""How many events of each template, and of each length of its fields, a stretch of the capture has.

The quotas are apportioned along lines of events (`precompute.draws.apportionment`). One line has all events of the
capture, and its parts are the frames. For each field, and each set of its columns that frames show together, there is
another line: it has the events that show them, and its parts are the lengths. Since each line is apportioned by itself,
every template and every length of a field has its exact share of the capture, to one event.

A line runs through the capture chunk by chunk, and within a chunk frame by frame. The frames have another order in each
chunk, so that a rare length does not always come to the same one.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from precompute.draws.apportionment import Apportionment
from precompute.draws.cells import Line
from precompute.draws.streams import Purpose, permutation, stream
from precompute.rendering.frames import Frames
from precompute.rendering.pools import Pool


@dataclass(frozen=True, eq=False)
class ChunkQuota:
    """The events of one chunk, by frame and by length."""

    frame_rows: NDArray[np.int64]
    """Events of each frame, shape (frames,)."""
    lines: list[Line]
    """The events of each length, for each frame and each of its fields that has several lengths."""

    def payload_bytes(self, frames: Frames) -> int:
        """The bytes of all its events."""
        fixed = sum(int(rows) * frame.fixed_bytes for rows, frame in zip(self.frame_rows, frames.frames, strict=True))
        return fixed + sum(int(line.counts @ frames.frames[line.frame].widths[line.field]) for line in self.lines)


@dataclass(frozen=True, eq=False)
class _Shown:
    """The line of all events that show the same columns of a field."""

    fields: dict[int, int]
    """By the number of each frame that shows them: the number that the field has in that frame."""
    parts: Apportionment
    """How the line is split among the lengths."""


class Quotas:
    """The quotas of a capture's chunks."""

    def __init__(self, frames: Frames, *, seed: int, events: int) -> None:
        """Prepare the quotas of a capture of so many `events`."""
        self._seed = seed
        bits = stream(seed, 0, Purpose.APPORTIONMENT)
        self._frames = Apportionment(bits, frames.weights, events)
        shown: dict[object, dict[int, int]] = {}
        pools: dict[object, Pool] = {}
        for number, frame in enumerate(frames.frames):
            for field in frame.varied:
                pool = frame.fields[field]
                assert isinstance(pool, Pool)
                # Frames that share trains have the same buckets of hosts, whichever columns they show.
                columns = None if field == frame.host else frame.field_columns[field]
                key = frame.field_names[field], columns
                shown.setdefault(key, {})[number] = field
                pools[key] = pool
        self._lines = [
            _Shown(held, Apportionment(bits, pools[key].weights, sum(self._frames.totals[number] for number in held)))
            for key, held in shown.items()
        ]

    def of_chunk(self, chunk: int, first_event: int, events: int) -> ChunkQuota:
        """The quota of the chunk of that number, which begins with event `first_event`."""
        before = self._frames.before([first_event, first_event + events])
        rows, start = before[:, 1] - before[:, 0], before[:, 0].tolist()
        order = permutation(stream(self._seed, chunk, Purpose.FRAME_ORDER), len(rows)).tolist()
        counts = rows.tolist()
        lines = []
        for line in self._lines:
            held = [number for number in order if number in line.fields]
            places = list(
                accumulate((counts[number] for number in held), initial=sum(start[number] for number in held))
            )
            parts = np.diff(line.parts.before(places)).T
            lines += [Line(number, line.fields[number], own) for number, own in zip(held, parts, strict=True)]
        return ChunkQuota(rows, lines)
