"""A process that does not outlive its parent, whatever it does."""

import os
import select
import signal
import subprocess
import sys

import pytest

PARENT = """
import os, signal, sys, time
from captures.console.parent import end_with_parent
parent = os.getpid()
child = os.fork()
if not child:
    end_with_parent(parent if sys.argv[1] != "gone" else parent + 1)
    print(os.getpid(), flush=True)
    if sys.argv[1] == "stopped":
        os.kill(os.getpid(), signal.SIGSTOP)
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    time.sleep(600)
_, status = os.waitpid(child, 0)
print(-os.WTERMSIG(status))
"""


@pytest.mark.parametrize("state", ["asleep", "stopped"])
def test_it_ends_when_its_parent_is_killed(state: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, state], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        assert not select.select([child], [], [], 0.2)[0]
        parent.kill()
        assert select.select([child], [], [], 60)[0]
        os.close(child)


def test_it_ends_when_its_parent_has_died_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, "gone"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"{-signal.SIGKILL}\n"
