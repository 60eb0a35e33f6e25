"""The kernels that stage a train: they find a lane's next train, copy it into the batch, and stamp and tag it there.

The mapped capture itself is never written to (decision 0002). Its tables were checked when it was opened, but somebody
may write to the file during a run. So the row of each train is copied, the copy is checked again, and only the copy is
used: what somebody writes between the check and the sending changes nothing.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.layout import MAX_TRAIN_BYTES, TAG_WIDTHS, TagKind
from captures.format.stamps.kinds import WIDTHS
from replay.board.journal import STAGED_TRAINS, Journal
from replay.engine.arrays import RUNS, Batch, Lanes, Rewrite, Stored
from replay.linux.libc import memcpy
from replay.rewrite.moving import move_stamps
from replay.rewrite.stamping import stamp_at, stamp_each
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tagging import tag_train
from replay.schedule.bursts import BURST_NS, FASTER, SLOWER

NOW: Final = 1
OWN: Final = 2
MOVED: Final = 3
STAMPS: Final = {Stamp.KEEP: 0, Stamp.NOW: NOW, Stamp.SHIFT: OWN}
"""What a kernel knows the kinds of stamps by. Stamps of version 2 are MOVED by SHIFT: they need not be the instant at
which an event came, as those are that were rendered."""

TAG_BYTES: Final = TAG_WIDTHS[TagKind.HEX]


@kernel
def train_of(trains: NDArray[Any], event: int) -> int:
    """The row of the train that holds an event of the capture, by halving."""
    low = 0
    high = len(trains)
    while high - low > 1:
        middle = (low + high) // 2
        if int64(trains[middle].first_event) <= event:
            low = middle
        else:
            high = middle
    return low


@kernel
def is_sound(train: Any, event: int, payload_bytes: int) -> bool:
    """Whether a train holds `event`, and all that it says of its bytes lies within it and within the payload."""
    count, length, offset = int64(train.count), int64(train.length), int64(train.offset)
    first_event = int64(train.first_event)
    stamped = int64(train.stamp_kind) < len(WIDTHS) and (
        train.stamp_kind == 0 or int64(train.stamp_column) + WIDTHS[train.stamp_kind] <= length
    )
    tagged = train.tag_kind == 0 or int64(train.tag_column) + TAG_BYTES <= length
    sized = (length > 0 or count == 1) and count * length <= MAX_TRAIN_BYTES
    within = first_event <= event < first_event + count and sized
    return bool(within and stamped and tagged and 0 <= offset <= payload_bytes - count * length)


@kernel
def enter_run(lanes: Lanes, i: int, stored: Stored) -> None:
    """Go to the start of the present run of lane `i`."""
    row = lanes.rows[i]
    run = lanes.runs[i, row.run % RUNS]
    first_of_all = row.entered < 0
    row.entered, row.place = row.run, 0
    if not run.span_ns:
        row.due_ns, row.due_rest = run.due_ns, run.due_rest
    elif first_of_all:
        row.due_ns = token_ns(run, int64(stored.times[run.first_event]))
    row.own_ns, row.own_rest = run.own_ns, run.own_rest
    row.train = train_of(stored.trains, run.first_event)


@kernel
def aim(lanes: Lanes, i: int, stored: Stored, paced: bool) -> bool:
    """Find the next train of lane `i`, or the part of one that it sends next, and when it is due.

    The lane's `count` is 0 where it has no run. Returns False for a capture that somebody has changed.
    """
    row = lanes.rows[i]
    if row.entered == row.run and row.place == lanes.runs[i, row.run % RUNS].events:
        row.run += 1
    if row.run == row.runs:
        row.count = 0
        return True
    if row.entered != row.run:
        enter_run(lanes, i, stored)
    run = lanes.runs[i, row.run % RUNS]
    event = run.first_event + row.place
    train = lanes.trains[i]
    lanes.trains[i] = stored.trains[row.train]
    if event >= int64(train.first_event) + int64(train.count) and row.train + 1 < len(stored.trains):
        row.train += 1
        lanes.trains[i] = stored.trains[row.train]
    if not is_sound(train, event, len(stored.payload)):
        return False
    count = min(int64(train.first_event) + int64(train.count) - event, run.limit, run.events - row.place)
    if run.span_ns:
        aim_at_instants(row, run, stored.times, event, count)
        return True
    row.count = count
    rest = row.due_rest + count * run.due_part
    row.next_due_ns = row.due_ns + count * run.due_whole + rest // run.due_per
    row.next_due_rest = rest % run.due_per
    if paced:
        row.ready_ns = max(row.next_due_ns, row.free_ns)
    return True


@kernel
def token_ns(run: Any, instant_ns: int) -> int:
    """When an event of that instant in the capture has its token: the run's ramp. No product is over 2^62."""
    per = run.due_per
    whole, rest = instant_ns // per, run.due_rest + instant_ns % per * run.due_part
    return int64(run.due_ns + instant_ns * run.due_whole + whole * run.due_part + rest // per)


@kernel
def aim_at_instants(row: Any, run: Any, times: NDArray[np.uint64], event: int, most: int) -> None:
    """Cut the next train of a lane, at most `most` events, where its span of time ends, and say when it is due.

    A lane that is late has to wait for the tokens of the time since its last train, so that it catches up no faster
    than any other.
    """
    first_ns, count = int64(times[event]), int64(1)
    while count < most and int64(times[event + count]) - first_ns <= run.span_ns:
        count += 1
    row.count = count
    row.next_due_ns, row.next_due_rest = token_ns(run, int64(times[event + count - 1])), 0
    row.ready_ns = max(row.next_due_ns, row.free_ns + (row.next_due_ns - row.due_ns) * SLOWER // FASTER)


@kernel
def stage(
    stored: Stored,
    lanes: Lanes,
    i: int,
    batch: Batch,
    journal: Journal,
    rewrite: Rewrite,
    used: int,
    now_ns: int,
    wall_ns: int,
) -> int:
    """Put the next train of lane `i` into the batch, whose first `used` bytes are taken, and note it in the journal.

    `now_ns` is the present instant of the schedule's clock, and `wall_ns` the one that stamps say. Returns how many
    bytes are taken then. The lane must be aimed anew.
    """
    row = lanes.rows[i]
    run = lanes.runs[i, row.run % RUNS]
    train = lanes.trains[i]
    count, length = row.count, int64(train.length)
    first = run.first_event + row.place - int64(train.first_event)
    size = count * length
    source = stored.payload.ctypes.data + int64(train.offset) + first * length
    memcpy(batch.buffer.ctypes.data + used, source, size)
    if rewrite.stamp:
        if train.stamp_kind:
            column, kind, zone = int64(train.stamp_column), int64(train.stamp_kind), int64(train.zone_minutes)
            restamp(lanes, i, batch, rewrite, used, column, kind, zone, wall_ns)
        if len(stored.live):
            restamp_further(stored, lanes, i, batch, rewrite, used, wall_ns)
    if train.tag_kind and rewrite.run:
        place = used + int64(train.tag_column)
        tag_train(batch.words, place, length, count, rewrite.run, row.port, row.events)
    go_on(row, run, count, now_ns)
    row.events += count
    row.bytes += size
    note = journal.staged[journal.state[STAGED_TRAINS]]
    note.lane, note.count, note.length, note.due_ns = row.lane, count, length, row.due_ns
    note.events, note.bytes = row.events, row.bytes
    note.place, note.source = used, int64(train.source)
    journal.state[STAGED_TRAINS] += 1
    return used + int64(size)


@kernel
def restamp(
    lanes: Lanes,
    i: int,
    batch: Batch,
    rewrite: Rewrite,
    used: int,
    column: int,
    kind: int,
    zone: int,
    wall_ns: int,
) -> None:
    """Write the stamps at one column of the next train of lane `i`, whose first event is at `used` of the batch."""
    row, length = lanes.rows[i], int64(lanes.trains[i].length)
    run, place, count = lanes.runs[i, row.run % RUNS], used + column, row.count
    if rewrite.stamp == NOW:
        stamp_at(batch.words, place, length, count, kind, zone, wall_ns, batch.stamp)
    elif rewrite.stamp == OWN:
        ramp = (row.own_ns, row.own_rest, run.own_whole, run.own_part, run.own_per)
        stamp_each(batch.words, place, length, count, kind, zone, ramp, batch.stamp)
    else:
        behind, moved_ns, near_ns = length - column, run.moved_ns, rewrite.reference_ns
        move_stamps(batch.buffer, batch.words, place, length, behind, count, kind, zone, moved_ns, near_ns, batch.stamp)


@kernel
def restamp_further(
    stored: Stored, lanes: Lanes, i: int, batch: Batch, rewrite: Rewrite, used: int, wall_ns: int
) -> None:
    """Write the further stamps of the next train of lane `i`; what somebody has changed in their rows is left out."""
    live, number, length = stored.live, lanes.rows[i].train, int64(lanes.trains[i].length)
    low, high = 0, len(live)
    while low < high:
        middle = (low + high) // 2
        if int64(live[middle].train) < number:
            low = middle + 1
        else:
            high = middle
    while low < len(live) and int64(live[low].train) == number:
        column, kind = int64(live[low].column), int64(live[low].kind)
        if 0 < kind < len(WIDTHS) and column + WIDTHS[kind] <= length:
            restamp(lanes, i, batch, rewrite, used, column, kind, int64(live[low].zone_minutes), wall_ns)
        low += 1


@kernel
def go_on(row: Any, run: Any, count: int, now_ns: int) -> None:
    """Move a lane's place in its run on by `count` events, which are sent at `now_ns`, and spend their tokens."""
    spend_ns = (row.next_due_ns - row.due_ns) * SLOWER // FASTER
    if run.span_ns:
        row.free_ns = max(row.free_ns + spend_ns, now_ns - BURST_NS)
    else:
        row.free_ns = max(row.free_ns, now_ns - BURST_NS) + spend_ns
    row.due_ns, row.due_rest = row.next_due_ns, row.next_due_rest
    row.place += count
    row.left -= count
    if run.own_per:
        rest = row.own_rest + count * run.own_part
        row.own_ns += count * run.own_whole + rest // run.own_per
        row.own_rest = rest % run.own_per
