import signal

import psutil
import pytest

from replay.linux.row_locks import lock_row
from replay.linux.sockets.udp_receive import open_receiver
from replay.sink import workers
from replay.sink.board import shared_tally
from replay.sink.workers import Workers, sink_cores, sockets_of_workers
from tests.replay.sink.test_loop import RUN, send


@pytest.mark.parametrize(
    ("cpus", "cores"),
    [({0}, [0]), ({0, 1}, [0, 1]), ({0, 1, 2, 3}, [3, 2, 0, 1]), ({4, 5, 6}, [6, 5, 4]), ({1}, [1])],
)
def test_a_sender_on_the_same_machine_and_the_sink_begin_on_different_cores(cpus: set[int], cores: list[int]) -> None:
    assert sink_cores(cpus) == cores


def test_a_worker_that_waits_for_the_lock_of_a_dead_one_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is never given back; the other worker dies while the sink ends."""
    monkeypatch.setattr(workers, "_ORPHANED_S", 0.3)
    tally, looks = shared_tally((514, 515), *sockets_of_workers(2, 2), 0), []
    tally.run[0] = RUN
    lock_row(tally.locks, 0)
    with open_receiver("127.0.0.1", 0, 1 << 20) as first, open_receiver("127.0.0.1", 0, 1 << 20) as second:
        before = set(psutil.Process().children())
        started = Workers([first, second], tally)
        _, other = sorted(set(psutil.Process().children()) - before, key=lambda process: process.pid)
        send(first, 514, 0, 3, joined=False)
        other.suspend()

        def look() -> bool:
            if not looks:
                other.kill()
            looks.append(other)
            return False

        try:
            stopped = started.stop(look)
        finally:
            started.kill()
    assert stopped.death is not None
    assert stopped.death.endswith(f"died: signal {signal.SIGKILL}")
    assert f"(process {other.pid})" in stopped.death
    assert len(looks) < 300  # it would be 600, of a minute
    assert tally.numbers["arrived"].tolist()[:2] == [0, 0]
