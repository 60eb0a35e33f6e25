"""Which events of a worker's batch were sent? The shared memory shows it exactly, even if the worker dies.

sendmmsg(2) writes the length of each message into the array it was given as soon as the kernel has taken that message,
and looks for signals, SIGKILL included, only between two messages (net/socket.c, __sys_sendmmsg). Until then UNSENT
stands there, which is no length: that of an empty event is 0. So a message was sent if and only if a length is there.
The journal also says how many events and bytes its lane has sent with each train. These are totals since the start of
the run, so the result is the same if the supervisor counts what the worker has already counted, or was about to count.

A worker that is killed has done all that stands before some instruction, and nothing behind it. So only the compiler
must keep the order of the writes: what the journal says is written between two fences, while it says that no message
is loaded.
"""

import mmap
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import fence
from captures.compiled.kernel import kernel
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.linux.sockets.mmsg import MMSGHDR

TRAINS: Final = 32
"""The most trains of one batch: enough to make the system call cheap, few enough to stay in the L2 cache
(32 * 19 kB)."""

MESSAGES: Final = TRAINS * MAX_TRAIN_EVENTS
"""The most messages of one batch: one for each event of each train."""

STAGED: Final = np.dtype(
    (
        np.record,
        [
            ("lane", "<i8"),  # the run's lane that the train goes to
            ("count", "<i8"),  # its events
            ("length", "<i8"),  # bytes of each event
            ("events", "<i8"),  # of its lane, from the start of the run through the train's last event
            ("bytes", "<i8"),  # of its lane, likewise
            ("due_ns", "<i8"),  # when all its events had their tokens
            ("place", "<i8"),  # where it lies in the buffer
            ("source", "<i8"),  # its sending host, as the capture numbers it
        ],
    )
)
"""A train of the batch."""

STAGED_TRAINS: Final = 0
"""The places of the journal's `state`. This one: how many trains are staged."""
FIRST_TRAIN: Final = 1
"""The first train that the loaded messages are of; the trains before it were sent in another way, and are counted."""
LOADED: Final = 2
"""How many messages are loaded; 0: none, and then the rest of the journal means nothing."""
SINGLY: Final = 3
"""Whether each event is a message of its own; 0: each train is one message."""
SENT: Final = 4
"""How many of the loaded messages the kernel took, as far as the worker knows."""

UNSENT: Final = 0xFFFFFFFF
"""The length of a message that the kernel has not taken."""


class Journal(NamedTuple):
    """The present batch: its trains, its messages, and which of the messages the kernel took."""

    messages: NDArray[Any]
    """MMSGHDR rows, shape (MESSAGES,)."""
    staged: NDArray[Any]
    """STAGED rows, shape (TRAINS,)."""
    state: NDArray[np.int64]
    """Shape (5,): STAGED_TRAINS, FIRST_TRAIN, LOADED, SINGLY and SENT."""


def new_journal() -> Journal:
    """Map zeroed memory that is shared with the processes forked from this one; raises OSError."""
    sizes = (MESSAGES * MMSGHDR.itemsize, TRAINS * STAGED.itemsize, 5 * 8)
    ends = np.cumsum(sizes).tolist()
    memory = mmap.mmap(-1, ends[-1])
    messages = np.frombuffer(memory, MMSGHDR, MESSAGES, 0)
    messages["len"] = UNSENT
    return Journal(
        messages,
        np.frombuffer(memory, STAGED, TRAINS, ends[0]),
        np.frombuffer(memory, np.int64, 5, ends[1]),
    )


@kernel
def unload(journal: Journal) -> None:
    """Forget the loaded messages. The events that were sent with them must have been counted."""
    fence()
    loaded = journal.state[LOADED]
    journal.state[LOADED] = 0
    fence()
    for message in range(loaded):
        journal.messages[message].len = UNSENT


@kernel
def clear(journal: Journal) -> None:
    """Begin a new batch. The events that the last one sent must have been counted."""
    unload(journal)
    journal.state[STAGED_TRAINS] = 0


@kernel
def load(journal: Journal, first_train: int, messages: int, singly: bool) -> None:
    """Declare the messages that will be sent next: those of the trains from `first_train` on."""
    journal.state[FIRST_TRAIN] = first_train
    journal.state[SINGLY] = singly
    journal.state[SENT] = 0
    fence()
    journal.state[LOADED] = messages
    fence()


@kernel
def settle(journal: Journal, lanes: NDArray[Any]) -> int:
    """Count in the LANE rows of the board what the kernel took of the batch. Returns how many events were new.

    Messages are sent in their order, so those that were taken are the first ones.
    """
    loaded, message, new = journal.state[LOADED], 0, 0
    for train in range(journal.state[FIRST_TRAIN], journal.state[STAGED_TRAINS]):
        note = journal.staged[train]
        sent = 0
        if journal.state[SINGLY]:
            while sent < note.count and message < loaded and journal.messages[message].len != UNSENT:
                sent += 1
                message += 1
        elif message < loaded and journal.messages[message].len != UNSENT:
            sent = note.count
            message += 1
        if not sent:
            break
        row = lanes[note.lane]
        events = note.events - note.count + sent
        if events >= row.sent_events:
            new += events - row.sent_events
            row.sent_events = events
            row.sent_bytes = note.bytes - (note.count - sent) * note.length
    return new
