"""Which events a lane sends, and when: events are dealt to lanes in stripes, as a RAID deals blocks to its disks.

In each segment of the schedule the lanes take one stripe each in turn, and an equal share of what is left at the end.
Each segment begins with the lane at which the segment before ended. So a lane's events do not depend on the number of
workers, every event is sent once in each loop, lanes differ by one event at most, and all lanes read the same part of
the file at the same time, from front to back.

A lane's event k in a segment has the segment's token k * lanes + place, where place is the lane's turn in the segment.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

from captures.format.instants import Ramp, ramp
from replay.schedule.axis import LoopedAxis
from replay.schedule.bursts import train_limit
from replay.schedule.demand import TimeScale
from replay.schedule.own_instants import OnInstants
from replay.schedule.rates import OnAxis, Schedule, Segment


def lane_quota(total: int, lanes: int, lane: int) -> int:
    """How many of `total` events lane `lane` of `lanes` sends; the quotas of all lanes sum to `total`."""
    return total // lanes + (lane < total % lanes)


def lane_stripes(total: int | None, lanes: int, place: int, stripe: int, sent: int = 0) -> Iterator[tuple[int, int]]:
    """The part of `total` events (None: without end) that the lane at `place` sends, as (first event, events).

    The lane's first `sent` events are left out; how many they are costs no time.
    """
    turn, into = divmod(sent, stripe)
    rounds, rest = (None, 0) if total is None else divmod(total, lanes * stripe)
    for turns in itertools.count(turn) if rounds is None else range(turn, rounds):
        yield (turns * lanes + place) * stripe + into, stripe - into
        into = 0
    assert rounds is not None, "a stream without end has no last round"
    share, extra = divmod(rest, lanes)
    out = max(0, sent - rounds * stripe)
    count = share + (place < extra) - out
    if count > 0:
        yield rounds * lanes * stripe + place * share + min(place, extra) + out, count


class Run(NamedTuple):
    """Events that a lane sends in a row, all from the same loop of the capture."""

    first_event: int
    """The number of the first event in the capture."""
    events: int
    limit: int
    """The most events of one train."""
    due_ns: Ramp
    """The value at i says when the first i events have their tokens. With a span it is the value at the instant of an
    event in the capture that says when that event has its token."""
    instants_ns: Ramp | None = None
    """The instant of each event on the axis that stamps keep to; None without such an axis."""
    span_ns: int = 0
    """How long a part of the capture's time a train may span. 0: the tokens do not depend on the events' instants."""
    moved_ns: int = 0
    """By how much the stamps in the events are moved, where they are read and not known from the axis."""


class Start(NamedTuple):
    """When a run began, on the monotonic clock and on the wall's."""

    ns: int = 0
    """The start by the monotonic clock."""
    wall_ns: int = 0
    """The start since 1970 UTC: the first instant of the axis that stamps keep to."""


@dataclass(frozen=True)
class Deal:
    """How the stream of a run is dealt to its lanes."""

    schedule: Schedule
    lanes: int
    train_max: int
    """The most events of one train, whatever the rate."""
    loop_events: int
    """How many events the capture has."""
    axis: LoopedAxis | None = None
    """The time axis that stamps keep to; None: no instants are needed."""
    moved_from_ns: int | None = None
    """The capture's first instant since 1970, from which its stamps are moved to the start; None: they are not."""
    loop_ns: int = 0
    """How long the capture takes at its own pace: by how much stamps are moved further in each loop."""

    def check(self, time_scale: TimeScale) -> None:
        """Raise InputError when an event is due too far away at a time scale, or too finely, for 64 bits to say.

        At a constant rate of 1 EPS or more no lane looks so far ahead.
        """
        if not time_scale.factor or not time_scale.total:
            return
        if isinstance(self.schedule, OnAxis):
            self.schedule.check(self.lanes, time_scale.total, time_scale.at_ns, time_scale.factor)
        elif isinstance(self.schedule, OnInstants):
            self.schedule.check(time_scale)

    def runs(self, lane: int, time_scale: TimeScale, start: Start, sent: int = 0) -> Iterator[Run]:
        """What `lane` sends in a run that began at `start`, by a time scale whose factor is not 0.

        The lane's first `sent` events are left out; how many they are costs no time.
        """
        lanes = self.lanes
        for segment in self.schedule.segments(lanes, time_scale.total, sent * lanes):
            place = (lane - segment.first_event) % lanes
            skip = max(0, sent - lane_quota(segment.first_event, lanes, lane))
            if isinstance(self.schedule, OnInstants):
                yield from self._own_runs(self.schedule, segment, time_scale, start, (place, skip))
                continue
            faster, slower = time_scale.factor.as_integer_ratio()
            common = gcd(slower, segment.rate_events)  # undivided, the product of two rates would not fit 64 bits
            duration_ns, per = segment.duration_ns * (slower // common), segment.rate_events // common * faster
            limit = train_limit(per, duration_ns, lanes, self.train_max)
            since_ns = segment.start_ns - time_scale.at_ns
            since = (start.ns + time_scale.since_ns) * per + since_ns * (slower // common) * segment.rate_events
            anchor = since + per - 1  # `per - 1` rounds the division up
            tokens = place + 1 - lanes + skip * lanes
            for first, stripe in lane_stripes(segment.events, lanes, place, segment.stripe, skip):
                runs = self._cut(segment.first_event + first, stripe, start.wall_ns)
                for event, events, instants_ns, moved_ns in runs:
                    due_ns = ramp(anchor + tokens * duration_ns, lanes * duration_ns, per)
                    yield Run(event, events, limit, due_ns, instants_ns, moved_ns=moved_ns)
                    tokens += events * lanes

    def _own_runs(
        self, schedule: OnInstants, segment: Segment, time_scale: TimeScale, start: Start, turn: tuple[int, int]
    ) -> Iterator[Run]:
        """What a lane sends of a segment, which is a loop of the capture, each event at its own instant.

        `turn` is the lane's place in each round, and how many of its events of this loop are left out.
        """
        place, skip = turn
        due_ns = schedule.tokens(segment.first_event // self.loop_events, time_scale, start.ns)
        span_ns, moved_ns = schedule.span_ns(time_scale), self._moved_ns(segment.first_event, start.wall_ns)
        for first, stripe in lane_stripes(segment.events, self.lanes, place, segment.stripe, skip):
            yield Run(first, stripe, self.train_max, due_ns, None, span_ns, moved_ns)

    def _moved_ns(self, event: int, start_wall_ns: int) -> int:
        """By how much the stamps of an event of the stream are moved."""
        if self.moved_from_ns is None:
            return 0
        return start_wall_ns - self.moved_from_ns + event // self.loop_events * self.loop_ns

    def _cut(self, first: int, count: int, start_wall_ns: int) -> Iterator[tuple[int, int, Ramp | None, int]]:
        """Cut a stretch of the stream at each end of the capture, and at each end of a window.

        Yields for each part the number of its first event in the capture, how many events it has, their instants, and
        by how much their stamps are moved.
        """
        instants_ns = None
        while count:
            place = first % self.loop_events
            events = min(count, self.loop_events - place)
            if self.axis is not None:
                held, instants_ns = self.axis.stretch(first, start_wall_ns)
                events = min(events, held)
            yield place, events, instants_ns, self._moved_ns(first, start_wall_ns)
            first, count = first + events, count - events
