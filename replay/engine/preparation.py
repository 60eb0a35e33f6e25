"""The compiled code of a worker is made ready before workers are forked, so that they and their successors have it."""

from collections.abc import Callable
from typing import Final

import numpy as np

from captures.compiled.fence import order_memory
from captures.compiled.readiness import make_ready
from replay.board.intervals import INTERVAL_NS, add_to_interval
from replay.board.journal import settle, unload
from replay.board.layout import Board
from replay.engine.arrays import LIVE_RECORD, RECORD, Rewrite, Stored, new_batch, new_lanes
from replay.engine.counting import count, count_taken, counters_of
from replay.engine.loop import Look, Loop, Settings, new_state
from replay.engine.messages import Messages, describe
from replay.engine.serving import may_go_on, serve
from replay.linux.sockets.mmsg import IOVEC
from replay.linux.sockets.udp_send import SEGMENT_CONTROL
from replay.path.headers import NO_HEADERS
from replay.path.sources import FLOWS

SENDER: Final = "the sender"
"""What the kernels of a worker are called where they are compiled."""


def prepare(wall_ns: int) -> None:
    """Compile or load all kernels that a worker calls; `wall_ns` is the present instant."""
    make_ready(SENDER, _calls(wall_ns))


def _calls(wall_ns: int) -> list[Callable[[], object]]:
    """Calls of all kernels, with nothing to send.

    numba compiles a kernel for the types of its arguments, and those of this loop are the same as a worker's.
    """
    board, batch = Board(1, 1), new_batch(wall_ns)
    board.control["stop"] = 1
    journal, counters = board.journals[0], counters_of(board, 0, INTERVAL_NS, 0)
    messages = Messages(
        parts=np.zeros((1, 2), IOVEC),
        buffer=batch.buffer,
        framed=False,
        names=np.zeros(1, np.int64),
        controls=np.zeros(1, SEGMENT_CONTROL),
        headers=NO_HEADERS,
        flows=np.zeros(1, FLOWS),
    )
    look = Look(board.control, board.workers, np.zeros(2, np.int64))
    stored = Stored(np.zeros(1, RECORD), np.zeros(1, np.uint8), np.zeros(1, LIVE_RECORD), np.zeros(1, np.uint64))
    for array in stored:  # as what is mapped from a capture
        array.flags.writeable = False
    loop = Loop(stored, new_lanes(1), Rewrite(0, 0), batch, journal, messages, counters, look, new_state(1))
    settings = Settings(fd=-1, paced=False, most_trains=1, turn_trains=1, singly=False)
    ring = counters.numbers, counters.events
    return [
        order_memory,
        lambda: describe(journal, messages, 0, False),
        lambda: unload(journal),
        lambda: settle(journal, board.lanes),
        lambda: add_to_interval(*ring, 0, INTERVAL_NS, 0, 0),
        lambda: count_taken(journal, counters, 0),
        lambda: count(journal, counters, False, 0),
        lambda: may_go_on(look, 0),
        lambda: serve(loop, settings),
    ]
