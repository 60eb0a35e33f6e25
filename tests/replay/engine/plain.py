"""How lanes send, in plain Python: one event at a time, in numbers without limits. The kernels are compared with it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from captures.format.instants import Ramp
from captures.format.layout import STAMP_WIDTHS, StampKind, TagKind
from captures.format.sections import LIVE
from captures.format.stamp_writing import stamp_texts
from captures.format.tags import TAG_BYTES, tag_text
from replay.engine.arrays import LIVE_RECORD, RECORD, RUNS, Lanes, Rewrite, Stored, new_lanes, run_row
from replay.engine.staging import NOW, OWN, aim, go_on
from replay.schedule.bursts import BURST_NS, CATCH_UP
from replay.schedule.deal import Deal, Run, Start
from replay.schedule.demand import TimeScale
from tests.captures.content import Content


def value(ramp: Ramp, index: int) -> int:
    """Item `index` of a ramp."""
    return ramp.base + index * ramp.whole + (ramp.rest + index * ramp.part) // ramp.per


@dataclass
class Part:
    """Events of a train that are sent together."""

    train: Any
    event: int
    """The number of the first one in the capture."""
    count: int
    since_ns: int
    """When the events before them had their tokens."""
    due_ns: int
    instants_ns: list[int] | None


def parts_of(held: Content, runs: Iterable[Run]) -> Iterator[Part]:
    """Runs, cut where trains end, and where a part has as many events as one may."""
    ends = (held.trains["first_event"] + held.trains["count"]).tolist()
    for run in runs:
        done = 0
        while done < run.events:
            event = run.first_event + done
            place = next(place for place, end in enumerate(ends) if event < end)
            count = min(run.limit, ends[place] - event, run.events - done)
            own = None if run.instants_ns is None else [value(run.instants_ns, done + i) for i in range(count)]
            due_ns, since_ns = value(run.due_ns, done + count), value(run.due_ns, done)
            yield Part(held.trains[place], event, count, since_ns, due_ns, own)
            done += count


def texts_of(held: Content, part: Part, rewrite: Rewrite, port: int, number: int, wall_ns: int) -> bytes:
    """The bytes of a part whose first event is the port's event of this number, stamped at `wall_ns`."""
    train, sent = part.train, b""
    kind, zone, length = StampKind(train["stamp_kind"]), int(train["zone_minutes"]), int(train["length"])
    for i in range(part.count):
        place = int(train["offset"]) + (part.event - int(train["first_event"]) + i) * length
        event = bytearray(held.payload[place : place + length].tobytes())
        instant_ns = wall_ns - (part.count - 1 - i) * (1000 if kind >= StampKind.RFC3339_US else 0)
        if rewrite.stamp == OWN:
            assert part.instants_ns is not None
            instant_ns = part.instants_ns[i]
        if kind and rewrite.stamp in (NOW, OWN):
            column = int(train["stamp_column"])
            event[column : column + STAMP_WIDTHS[kind]] = stamp_texts(kind, zone, np.array([instant_ns])).tobytes()
        if train["tag_kind"] == TagKind.HEX and rewrite.run:
            column = int(train["tag_column"])
            event[column : column + TAG_BYTES] = tag_text(rewrite.run, port, number + i)
        sent += event
    return sent


@dataclass
class PlainLane:
    """A lane that knows the bound of catching up: a token bucket of CATCH_UP times its rate, BURST_NS deep."""

    parts: Iterator[Part]
    free_ns: int = 0
    head: Part | None = field(init=False)

    def __post_init__(self) -> None:
        self.head = next(self.parts, None)

    @property
    def ready_ns(self) -> int:
        assert self.head is not None
        return max(self.free_ns, self.head.due_ns)

    def take(self, now_ns: int) -> Part:
        """Send the next part at `now_ns`."""
        part = self.head
        assert part is not None
        span_ns = part.due_ns - part.since_ns
        self.free_ns = max(self.free_ns, now_ns - BURST_NS) + span_ns * CATCH_UP.denominator // CATCH_UP.numerator
        self.head = next(self.parts, None)
        return part


NO_LIVE = np.zeros(0, LIVE).view(LIVE_RECORD)
NO_LIVE.flags.writeable = False


def stored(held: Content, instants_ns: Sequence[int] = ()) -> Stored:
    """A capture's tables and payload as those of an open capture are: read-only."""
    trains, payload, times = held.trains.view(RECORD), held.payload.view(), np.array(instants_ns, np.uint64)
    trains.flags.writeable = payload.flags.writeable = times.flags.writeable = False
    return Stored(trains, payload, NO_LIVE, times)


def top_up(lanes: Lanes, i: int, runs: Iterator[Run]) -> None:
    """Give a lane as many runs as it has room for."""
    row = lanes.rows[i]
    while not row["last"] and row["runs"] - row["run"] < RUNS:
        run = next(runs, None)
        if run is None:
            row["last"] = 1
            return
        lanes.runs[i, row["runs"] % RUNS] = run_row(run)
        row["runs"] += 1
        row["left"] += run.events


START = Start()


def cut(
    held: Content, deal: Deal, lane: int, start: Start = START, time_scale: TimeScale | None = None, sent: int = 0
) -> Iterator[Part]:
    """The parts that the kernels make of what a lane sends; nothing is copied."""
    lanes, capture = new_lanes(1), stored(held)
    runs = deal.runs(lane, time_scale or TimeScale(total=deal.schedule.total), start, sent)
    row = lanes.rows[0]
    while True:
        top_up(lanes, 0, runs)
        assert aim(lanes, 0, capture, True)
        if not row["count"]:
            return
        run, count = lanes.runs[0, row["run"] % RUNS], int(row["count"])
        own = None
        if run["own_per"]:
            numbers = Ramp(*(int(row[name]) for name in ("own_ns", "own_rest")), *(int(run[n]) for n in OWN_STEP))
            own = [value(numbers, i) for i in range(count)]
        train = lanes.trains[0].copy()
        event = int(run["first_event"] + row["place"])
        yield Part(train, event, count, int(row["due_ns"]), int(row["next_due_ns"]), own)
        go_on(row, run, count, 0)


OWN_STEP = ("own_whole", "own_part", "own_per")
