"""All that the loop of a worker works with: what is given to its kernel as one argument, and what does not change."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import Journal
from replay.engine.arrays import Batch, Lanes, Rewrite, Stored
from replay.engine.counting import Counters
from replay.engine.messages import Messages
from replay.schedule.bursts import LATE_NS


class Look(NamedTuple):
    """What a worker looks at before each batch, and the values at which it goes on."""

    control: NDArray[Any]
    """The CONTROL row, shape (1,)."""
    worker: NDArray[Any]
    """Its own WORKER row, shape (1,)."""
    seen: NDArray[np.int64]
    """The number of the time scale, and of the renewal, by which it works; shape (2,)."""


class Loop(NamedTuple):
    """All that the loop of a worker works with."""

    stored: Stored
    lanes: Lanes
    rewrite: Rewrite
    batch: Batch
    journal: Journal
    messages: Messages
    counters: Counters
    look: Look
    state: NDArray[np.int64]
    """What changes while it runs: ROOM, HEAPED, WANTING, ERRNO, FULL and GATHER_NS. Shape (6,)."""


ROOM: Final = 0
"""How many trains the next batch may have."""
HEAPED: Final = 1
"""How many lanes are in the heap."""
WANTING: Final = 2
"""Not 0: a lane has little left of its schedule, though there is more of it, and room for it."""
ERRNO: Final = 3
"""The errno with which the kernel refused a message."""
FULL: Final = 4
"""Not 0: the last batch had no room for more, so that trains may be due which it left."""
GATHER_NS: Final = 5
"""How long a train that is ready waits for others, so that they are sent together."""


def new_state(room: int) -> NDArray[np.int64]:
    """The state before the first batch, which may have `room` trains."""
    state = np.zeros(6, np.int64)
    state[ROOM], state[GATHER_NS] = room, LATE_NS
    return state


class Settings(NamedTuple):
    """What does not change during a run."""

    fd: int
    paced: bool
    """Whether each event is due at an instant; if not, the lanes send in turn, as fast as they can."""
    most_trains: int
    """The most trains of a batch."""
    turn_trains: int
    """The most trains of one lane in a row."""
    singly: bool
    """Whether each event is a message of its own, since there is no GSO."""
