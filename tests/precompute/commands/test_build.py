"""`precompute build` at a terminal."""

import os
import pty
import subprocess
import termios
import time

from tests.precompute.program import ENVIRONMENT, PROGRAM

TIMEOUT_S = 30


def test_a_terminal_that_was_stopped_keeps_no_capture_from_being_built(tmp_path):
    """Only its last line waits for the terminal (Ctrl-S), when the capture is there already."""
    ours, theirs = pty.openpty()
    try:
        termios.tcsetwinsize(theirs, (24, 80))
        termios.tcflow(theirs, termios.TCOOFF)  # as Ctrl-S does
        line = [*PROGRAM, "build", "system", "-o", "a.rcap", "--events", "1000"]
        made = tmp_path / "a.rcap"
        with subprocess.Popen(
            line, cwd=tmp_path, env=ENVIRONMENT | {"TERM": "xterm"}, stdout=subprocess.DEVNULL, stderr=theirs
        ) as building:
            try:
                until_s = time.monotonic() + TIMEOUT_S
                while not made.exists() and time.monotonic() < until_s:
                    time.sleep(0.02)
                assert made.exists()
                termios.tcflow(theirs, termios.TCOON)
                assert building.wait(TIMEOUT_S) == 0
            finally:
                building.kill()
    finally:
        os.close(ours)
        os.close(theirs)
