"""How do numbers that follow each other come into the account of their port? As *stretches*, each in one go.

A stretch is of events of one run and one port that came to one socket within one interval, with the same drops before
them, and whose numbers count up by one; it goes on over messages. It is accounted at once if it is of the run that is
counted, and its port has a row; and it is counted as foreign at once if it is of another run that is listed already, or
can't be. All others are *left* for Python, which decides about them (`replay.sink.verify.tag_counter`), and so are all
while the board names another run to count than this worker knows of.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.linux.row_locks import lock_row, unlock_row
from replay.sink.board import NEVER_NS, WorkerTally
from replay.sink.number_account import WINDOW
from replay.sink.verify.certain_numbers import Accounts, accounts_in
from replay.sink.verify.event_numbers import take
from replay.sink.verify.port_rows import NO_ROW
from replay.sink.verify.socket_charge import Charges, chargeable_events, new_charges
from replay.sink.verify.stamp_reading import new_minute
from replay.sink.verify.tag_reading import new_head

STRETCH: Final = np.dtype(
    (
        np.record,
        [
            ("run", "<i8"),
            ("port", "<i8"),
            ("first", "<i8"),
            ("events", "<i8"),  # 0: there is no stretch
            ("socket", "<i8"),
            ("interval", "<i8"),
            ("dropped", "<i8"),  # events that its socket may have dropped before it, since the sink began
            ("first_ns", "<i8"),  # of all arrivals, in wall time
            ("last_ns", "<i8"),
            ("age_us", "<i8"),  # the least age of a stamp; NEVER_NS: there is none that shows an age
        ],
    )
)
MESSAGE: Final = np.dtype(
    (
        np.record,
        [
            ("socket", "<i8"),
            ("interval", "<i8"),
            ("dropped", "<i8"),  # events that its socket may have dropped before it, since the sink began
            ("arrival_ns", "<i8"),  # in wall time
            ("length", "<i8"),  # bytes of all events
            ("segment", "<i8"),  # bytes of each but the last, which may be shorter
            ("events", "<i8"),
            ("untagged", "<i8"),  # of the events that were looked at
            ("malformed", "<i8"),
        ],
    )
)
"""What is known of a message."""
MOST_EVENTS: Final = WINDOW // 4
"""The most events of a stretch. The events of one message can't be more, and so many are less than the window."""

ROOM: Final = 1 << 17
"""How many stretches can be left for Python: more than any message has events. What is not used takes no memory."""

LEFT: Final = 0
"""The places of `state`. This one: how many stretches are left."""
OWN_RUN: Final = 1
"""The run that is counted; 0: this worker does not know it yet, so only tags of run 0 are foreign."""
UNLISTED: Final = -1
"""Instead of a place: the run is not listed, but can be."""


class Counters(NamedTuple):
    """Where a worker counts. The first arrays are those of its WorkerTally, by socket, row and interval."""

    by_socket: NDArray[Any]
    ages: NDArray[np.int64]
    untagged: NDArray[np.int64]
    malformed: NDArray[np.int64]
    foreign: NDArray[np.int64]
    others: NDArray[Any]
    run: NDArray[np.int64]
    """The run that is counted, as the board says it; a request may name another one at any time. Shape (1,)."""
    without: NDArray[np.int64]
    parted: NDArray[np.int64]
    tenths: NDArray[np.int64]
    came_by: NDArray[np.int64]
    row_of_socket: NDArray[np.int64]
    row_of_port: NDArray[np.int64]
    """The row of each port; NO_ROW: it has none that this worker knows."""
    accounts: Accounts
    locks: NDArray[np.int64]
    charges: Charges
    minute: NDArray[Any]
    """The MINUTE that was read last, shape (1,)."""
    head: NDArray[Any]
    """The HEAD of the tag that was read last, shape (1,)."""
    stretch: NDArray[Any]
    """The STRETCH that may still go on, shape (1,)."""
    message: NDArray[Any]
    """The MESSAGE that is being counted, shape (1,)."""
    left: NDArray[Any]
    """The STRETCH rows that are left for Python, in the order of arrival: shape (ROOM,)."""
    state: NDArray[np.int64]
    """LEFT and OWN_RUN, shape (2,)."""
    start_ns: int


def counters_of(tally: WorkerTally, row_of_port: NDArray[np.int64]) -> Counters:
    """Count into `tally`, for ports with these rows."""
    return Counters(
        by_socket=tally.by_socket,
        ages=tally.ages,
        untagged=tally.strange["untagged"],
        malformed=tally.strange["malformed"],
        foreign=tally.strange["foreign"],
        others=tally.others,
        run=tally.run,
        without=tally.tagless["without"],
        parted=tally.tagless["parted"],
        tenths=tally.tenths,
        came_by=tally.came_by,
        row_of_socket=tally.row_of_socket,
        row_of_port=row_of_port,
        accounts=accounts_in(tally.numbers, tally.rings, tally.planes),
        locks=tally.locks,
        charges=new_charges(*tally.came_by.shape),
        minute=new_minute(),
        head=new_head(),
        stretch=np.zeros(1, STRETCH),
        message=np.zeros(1, MESSAGE),
        left=np.zeros(ROOM, STRETCH),
        state=np.zeros(2, np.int64),
        start_ns=tally.start_ns,
    )


@kernel
def may_go_on(stretch: Any, message: Any) -> bool:
    """Whether events of a message can continue a stretch."""
    same_place: bool = stretch.socket == message.socket and stretch.interval == message.interval
    return same_place and bool(stretch.dropped == message.dropped)


@kernel
def goes_on(stretch: Any, head: Any, number: int) -> bool:
    """Whether an event continues a stretch, by its number, and by its run and port, which are those of the head."""
    same_port: bool = head.run == stretch.run and head.port == stretch.port
    return same_port and number == stretch.first + stretch.events and 0 < stretch.events < MOST_EVENTS


@kernel
def begin_stretch(counters: Counters, number: int) -> None:
    """End the stretch, and begin one at a number of the head's run and port, for events of the message."""
    end_stretch(counters)
    stretch, head, message = counters.stretch[0], counters.head[0], counters.message[0]
    stretch.run, stretch.port, stretch.first, stretch.events = head.run, head.port, number, 0
    stretch.socket, stretch.interval, stretch.dropped = message.socket, message.interval, message.dropped
    stretch.first_ns, stretch.last_ns, stretch.age_us = message.arrival_ns, message.arrival_ns, NEVER_NS


@kernel
def end_stretch(counters: Counters) -> None:
    """Account the stretch, or leave it for Python. There is room for it: the caller has seen to that."""
    stretch = counters.stretch[0]
    if stretch.events:
        if not is_counted(counters, stretch):
            counters.left[counters.state[LEFT]] = stretch
            counters.state[LEFT] += 1
        stretch.events = 0


@kernel
def is_counted(counters: Counters, stretch: Any) -> bool:
    """Count a stretch, unless Python has to decide about it. Returns whether it is counted."""
    own = counters.state[OWN_RUN]
    if stretch.run and (not own or own != counters.run[0]):
        return False
    if stretch.run and stretch.run == own:
        row = counters.row_of_port[stretch.port]
        if row != NO_ROW:
            account(counters, stretch, row)
        return bool(row != NO_ROW)
    place = place_of_run(counters.others, stretch.run)
    if place != UNLISTED:
        count_foreign(counters, stretch)
        if place < len(counters.others):
            counters.others[place].events += stretch.events
    return place != UNLISTED


@kernel
def place_of_run(others: NDArray[Any], run: int) -> int:
    """The place of a run in OTHER_RUN rows; their number: all are of other runs; UNLISTED: a row is free for it."""
    for place in range(len(others)):
        if not others[place].events:
            return UNLISTED
        if others[place].run == run:
            return place
    return len(others)


@kernel
def count_foreign(counters: Counters, stretch: Any) -> None:
    """Count a stretch that is not of the run, or is of one port too many."""
    counters.by_socket[stretch.socket].foreign += stretch.events
    counters.foreign[stretch.socket, stretch.interval] += stretch.events


@kernel
def account(counters: Counters, stretch: Any, row: int) -> None:
    """Count a stretch of the run, of the port whose account is in `row`; other workers may count in it as well."""
    socket, chargeable, uncharged = stretch.socket, 0, 0
    counts = counters.by_socket[socket]
    if row != counters.row_of_socket[socket]:
        counters.came_by[socket, row] += stretch.events
    counts.run_first_ns = min(counts.run_first_ns, stretch.first_ns)
    counts.run_last_ns = max(counts.run_last_ns, stretch.last_ns)
    counts.run_youngest_us = min(counts.run_youngest_us, stretch.age_us)
    if stretch.dropped:
        chargeable, uncharged = chargeable_events(counters.charges, socket, row, stretch.dropped)
    lock_row(counters.locks, row)
    charged = take(counters.accounts, row, stretch.first, stretch.events, stretch.interval, chargeable, uncharged)
    unlock_row(counters.locks, row)
    counters.charges.charged[socket] += charged


@kernel
def count_all(counters: Counters, stretches: NDArray[Any]) -> None:
    """Count STRETCH rows about which Python has decided: all are foreign but those of the run whose ports have rows."""
    for i in range(len(stretches)):
        row = counters.row_of_port[stretches[i].port]
        if stretches[i].run == counters.state[OWN_RUN] and stretches[i].run and row != NO_ROW:
            account(counters, stretches[i], row)
        else:
            count_foreign(counters, stretches[i])
