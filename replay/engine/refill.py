"""How a lane gets more of its schedule: some runs at a time, well before the last ones are sent."""

import os
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final

from captures.console.errors import RunError
from captures.console.units import counted
from captures.format.capture import Capture
from captures.format.tags import MAX_SEQUENCE
from replay.engine.arrays import RUNS, Lanes, run_row
from replay.schedule.deal import Run

AHEAD_EVENTS: Final = 32768
"""A lane is given runs until it has so many events ready: two stripes."""
LOW_EVENTS: Final = 16384
"""A lane that has fewer events ready is given more. It still has about a stripe, so the disk has time to read ahead."""


class Supply:
    """The runs of one lane, from where it stands."""

    def __init__(self, capture: Capture, runs: Iterator[Run], lanes: int, *, tagged: bool) -> None:
        """Take the runs of a lane from `runs`; the run has so many `lanes`."""
        self._capture, self._runs, self._all_lanes, self._tagged = capture, runs, lanes, tagged
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self._stays = 2 * len(capture.payload) < memory_bytes
        """Whether the capture stays in memory once it was read."""

    def refill(self, lanes: Lanes, i: int) -> None:
        """Give lane `i` of `lanes` runs until it has enough. Raises RunError when the numbers of its tags are used up.

        The kernel is told to read their bytes from the disk, since its own read-ahead does not foresee that lanes jump
        from stripe to stripe.
        """
        row = lanes.rows[i]
        while not row["last"] and row["left"] < AHEAD_EVENTS and row["runs"] - row["run"] < RUNS:
            run = next(self._runs, None)
            if run is None:
                row["last"] = 1
                break
            events = int(row["events"] + row["left"])
            if self._tagged and events + run.events > MAX_SEQUENCE + 1:
                raise RunError(
                    f"port {row['port']} got {counted(events, 'event')}, and tags can't count further; use more ports"
                )
            lanes.runs[i, row["runs"] % RUNS] = run_row(run)
            row["runs"] += 1
            row["left"] += run.events
            if not self._stays or events * self._all_lanes < self._capture.events:
                self._read_ahead(run)

    def _read_ahead(self, run: Run) -> None:
        start = self._place(run.first_event)
        size = self._place(run.first_event + run.events) - start
        if not size:  # empty events; to posix_fadvise(2) it would mean all that follows
            return
        place = self._capture.payload_offset + start
        os.posix_fadvise(self._capture.source.fd, place, size, os.POSIX_FADV_WILLNEED)

    def _place(self, event: int) -> int:
        """Where an event of the capture begins in the payload; for the number behind the last one, the end."""
        trains: Any = self._capture.trains
        train = trains[bisect_right(trains["first_event"], event) - 1]
        return int(train["offset"]) + (event - int(train["first_event"])) * int(train["length"])
