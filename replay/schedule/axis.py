"""Which window of the capture's time axis an event is in, and at which instant, when the capture is repeated. Pure.

`captures.format.instants` says where events lie within a window. Each loop begins where the loop before ended.
"""

from bisect import bisect_right
from typing import Final

import numpy as np

from captures.console.errors import RunError
from captures.format.instants import Ramp, instants
from captures.format.layout import Table

_LAST_NS: Final = (1 << 63) - 1


class LoopedAxis:
    """The windows of a capture that hold events, as they come again in each loop.

    The attributes are columns: item i of each belongs to window i.
    """

    def __init__(self, windows: Table) -> None:
        """Take the windows from WINDOW rows; none of them may have the duration 0."""
        held = windows[windows["events"] > 0]
        # Memoryviews: to access an item costs half as much as by an array, and lists would fill each worker's memory.
        self.start_ns = held["start_ns"].astype(np.int64).data
        self.duration_ns = held["duration_ns"].astype(np.int64).data
        self.events = held["events"].astype(np.int64).data
        end = np.cumsum(held["events"].astype(np.int64))
        self.first_event = (end - held["events"].astype(np.int64)).data
        self.loop_events = int(end[-1])
        self.loop_ns = int(windows["start_ns"][-1]) + int(windows["duration_ns"][-1])

    def window_of(self, place: int) -> int:
        """The window of an event of the capture."""
        return bisect_right(self.first_event, place) - 1

    def stretch(self, event: int, start_ns: int) -> tuple[int, Ramp]:
        """The events of the stream from number `event` to the end of its window: how many, and their instants.

        `start_ns` is the first instant of the first loop. Raises RunError when the instants do not fit 64 bits.
        """
        loop, place = divmod(event, self.loop_events)
        window = self.window_of(place)
        into, count, duration_ns = place - self.first_event[window], self.events[window], self.duration_ns[window]
        window_ns = start_ns + loop * self.loop_ns + self.start_ns[window]
        if window_ns + duration_ns > _LAST_NS:
            raise RunError("the capture's stamps, moved to now, have passed the year 2262; send fewer loops")
        return count - into, instants(window_ns, duration_ns, count, into)
