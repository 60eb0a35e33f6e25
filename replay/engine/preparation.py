"""The compiled code of a worker is made ready before the workers are forked, so that they and their successors have it.

The first run on a machine compiles it, which takes some seconds; later ones load it from the disk.
"""

import numpy as np

from captures.format.reader import Capture
from replay.board.intervals import INTERVAL_NS, add_to_interval
from replay.board.journal import settle, unload
from replay.board.layout import Board
from replay.engine.arrays import Rewrite, new_batch, new_lanes, stored_of
from replay.engine.counting import count, count_taken, counters_of
from replay.engine.loop import Look, Loop, Settings
from replay.engine.messages import Messages, describe
from replay.engine.serving import may_go_on, serve
from replay.linux.sockets.mmsg import IOVEC
from replay.linux.sockets.udp_send import SEGMENT_CONTROL
from replay.path.headers import NO_HEADERS
from replay.path.sources import FLOWS


def prepare(capture: Capture, year: int) -> None:
    """Compile or load all kernels that a worker calls, by a loop that has nothing to send.

    Stamps will be of `year` or later. numba compiles a kernel for the types of its arguments, and those of this loop
    are the same as a worker's.
    """
    board, batch = Board(1, 1), new_batch(year)
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
    stored, rewrite = stored_of(capture), Rewrite(0, 0)
    loop = Loop(stored, new_lanes(1), rewrite, batch, journal, messages, counters, look, np.zeros(4, np.int64))
    board.control["stop"] = 1
    serve(loop, Settings(fd=-1, paced=False, most_trains=1, turn_trains=1, singly=False, low_events=0))
    may_go_on(look, 0)
    describe(journal, messages, 0, False)
    unload(journal)
    count(journal, counters, False, 0)
    count_taken(journal, counters, 0)
    settle(journal, board.lanes)
    add_to_interval(counters.numbers, counters.events, 0, INTERVAL_NS, 0, 0)
