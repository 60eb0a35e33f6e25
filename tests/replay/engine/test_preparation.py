"""What a worker calls is compiled before it is forked."""

import os
import subprocess
import sys
from pathlib import Path

import numba

RUN = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from captures.format.reader import open_capture
from replay.board.layout import State
from replay.clock import monotonic_ns
from replay.engine.preparation import prepare
from replay.engine.process import Worker
from replay.plan.pace import Extent
from replay.rewrite.stamps_at_sending import Stamp
from tests.captures.content import tagged, timed, write
from tests.replay.engine.worked import arrived, board_for, listening, plan_of, ports_of

def compiled():
    made = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]
    return {(each.py_func.__module__, each.py_func.__name__, str(each.signatures)) for each in made if each.signatures}

path = Path(sys.argv[1])
write(path, tagged(timed([4, 4], [10**8, 10**8])))
capture = open_capture(path)
prepare(1_735_689_600_000_000_000)
before = compiled()
with listening(2) as receivers:
    for segments, stamp, rate_eps in ((1, Stamp.NOW, None), (16, Stamp.SHIFT, 100_000), (1, Stamp.KEEP, 100_000)):
        plan = plan_of(capture, ports_of(receivers), Extent(loops=1), rate_eps, segments=segments, stamp=stamp,
                       train_max=16, run=7)
        board = board_for(plan)
        board.control["start_wall_ns"] = 1_800_000_000_000_000_000
        board.control["start_ns"] = monotonic_ns()
        assert Worker(capture, plan, board, 0).run() == State.DONE
        assert sum(map(len, arrived(receivers))) == capture.events
print(len(before), *sorted(compiled() - before))
"""


def test_a_worker_compiles_nothing_more(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    found = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "timed.rcap")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert found.returncode == 0, found.stderr
    before, *more = found.stdout.split(maxsplit=1)
    assert not more
    assert (before != "0") == (not numba.config.DISABLE_JIT)
