import fcntl
import multiprocessing
import os
import select
import signal
import threading
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Self

import pytest

from captures.compiled import readiness
from captures.compiled.readiness import is_ready, make_ready
from captures.console import interruption
from captures.console.interruption import SIGNALS, held


class Bar:
    """Stands for a bar of tqdm, and remembers what it was to show."""

    shown: Path

    def __init__(self, *, total: int, desc: str, bar_format: str, file: object) -> None:
        assert "{bar}" in bar_format
        assert file is not None
        self.desc, self.total, self.done = desc, total, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.shown.open("a") as said:
            said.write(f"{self.desc}: {self.total - self.done}\n")

    def update(self) -> None:
        self.done += 1


@pytest.fixture
def shown(monkeypatch, tmp_path) -> Path:
    """Where each bar says what it said, and how much it left undone; compiled code is kept in a new folder."""
    monkeypatch.setattr(readiness, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(readiness, "bar", Bar)
    monkeypatch.setattr(Bar, "shown", tmp_path / "shown", raising=False)
    return Bar.shown


def test_a_bar_is_shown_the_first_time_only(shown):
    """A process of its own compiles, so that this one does not have its memory; then this one loads."""
    calls = shown.with_name("calls")

    def call() -> None:
        with calls.open("a") as said:
            said.write(f"{os.getpid()} ")

    assert not is_ready("the sender")
    make_ready("the sender", [call, call])
    first, second, third, fourth = map(int, calls.read_text().split())
    assert first == second != third == fourth == os.getpid()
    assert shown.read_text() == "compiling the sender, once: 0\n"
    assert is_ready("the sender")

    make_ready("the sender", [call, call])
    assert len(calls.read_text().split()) == 6
    assert shown.read_text() == "compiling the sender, once: 0\n"
    assert not is_ready("the sink")


def test_what_failed_is_not_ready(shown):
    def fails() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        make_ready("the sender", [fails])
    assert shown.read_text() == "compiling the sender, once: 1\n"
    assert not is_ready("the sender")


def test_if_the_process_that_compiles_is_killed_this_one_compiles(shown):
    calls, here = [], os.getpid()

    def call() -> None:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(1)

    make_ready("the sender", [call])
    assert calls == [1]
    assert is_ready("the sender")
    assert not shown.exists()


def test_the_process_that_compiles_ends_with_the_one_that_waits_for_it(shown):
    """A command that is killed leaves nothing behind that compiles for half a minute and holds its stderr."""
    pids = shown.with_name("pids")
    os.mkfifo(pids)

    def call() -> None:
        pids.write_text(f"{os.getpid()}")
        signal.pause()

    waiting_one = multiprocessing.get_context("fork").Process(target=make_ready, args=("the sender", [call]))
    waiting_one.start()
    compiling = os.pidfd_open(int(pids.read_text()))
    waiting_one.kill()
    assert select.select([compiling], [], [], 60)[0]
    os.close(compiling)
    waiting_one.join()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_to_the_process_that_compiles_ends_this_one_too(shown, number):
    """^C reaches both; this one must not go on and compile by itself."""
    calls, here = [], os.getpid()

    def call() -> None:
        if os.getpid() != here:
            os.kill(os.getpid(), number)
            signal.pause()
        calls.append(1)

    with pytest.raises(KeyboardInterrupt):
        make_ready("the sender", [call])
    assert not calls
    assert not is_ready("the sender")
    assert not shown.exists()


def test_a_signal_while_signals_are_held_ends_the_waiting(shown, monkeypatch):
    """Even if the process that compiles has stopped."""
    monkeypatch.setattr(interruption._once, "raised", False)  # by a test before, in this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as a test before may have left it ignored
    here = os.getpid()

    def call() -> None:
        assert os.getpid() != here
        os.kill(here, signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGSTOP)

    with held(), pytest.raises(KeyboardInterrupt):
        make_ready("the sender", [call])
    assert not is_ready("the sender")
    assert not shown.exists()


def test_a_signal_while_the_compiling_process_is_started_leaves_none_behind(shown, monkeypatch):
    monkeypatch.setattr(interruption._once, "raised", False)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    fork = ForkProcess.start

    def start(process: ForkProcess) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        fork(process)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ForkProcess, "start", start)
    with pytest.raises(KeyboardInterrupt):
        make_ready("the sender", [signal.pause])
    assert multiprocessing.active_children() == []
    assert not is_ready("the sender")
    assert not shown.exists()


def test_who_waits_for_another_process_is_told_off_a_terminal(shown, capsys):
    with shown.with_name("the-sender.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Timer(0.3, other.close)
        waiting.start()
        make_ready("the sender", [])
        waiting.join()
    assert "compiling the sender, once on this machine" in capsys.readouterr().err
    assert is_ready("the sender")
