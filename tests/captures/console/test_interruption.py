"""Signals: one interrupt and no more, none while something must be finished, and none where they were ignored."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from captures.console import interruption
from captures.console.interruption import SIGNALS, blocked, held, waiting

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_held_is_noted_and_the_handlers_come_back(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    with held() as noted:
        assert (noted.first, noted.urgent) == (None, False)
        os.kill(os.getpid(), number)
        assert (noted.first, noted.urgent) == (number.name, False)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (noted.first, noted.urgent) == (number.name, True)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_an_interrupt_is_held_though_the_shell_ignored_it_and_a_hang_up_is_not():
    """A shell has its background ignore SIGINT, and yet a sink there ends by it; under nohup a hang-up is nothing."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        with held() as noted:
            os.kill(os.getpid(), signal.SIGHUP)
            assert noted.first is None
            os.kill(os.getpid(), signal.SIGINT)
            assert noted.first == "SIGINT"
        assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_IGN] * 3
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_in_another_thread_than_the_main_one_signals_stay_with_the_program_that_started_it():
    before = [signal.getsignal(each) for each in SIGNALS]

    def hold():
        with held() as noted, waiting():
            return noted.first, [signal.getsignal(each) for each in SIGNALS]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(hold).result() == (None, before)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_wait_behind_a_signal_that_was_held_does_not_begin(monkeypatch):
    monkeypatch.setattr(interruption._once, "raised", False)
    with held() as noted:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), waiting(noted):
            pytest.fail("it began")
        with waiting():
            pass


def test_what_is_ignored_is_not_held_where_that_is_said():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held(even_ignored=()) as noted, waiting(noted):
            os.kill(os.getpid(), signal.SIGINT)
        assert noted.names == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_wait_without_end_can_be_interrupted_though_signals_are_held(monkeypatch):
    monkeypatch.setattr(interruption, "_once", interruption._Once())
    with held() as noted:
        with pytest.raises(KeyboardInterrupt), waiting():
            os.kill(os.getpid(), signal.SIGTERM)
        assert noted.first is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert noted.first == "SIGTERM"


def test_what_is_forked_while_signals_are_blocked_never_gets_them():
    with blocked():
        child = os.fork()
        if not child:
            for number in SIGNALS:
                os.kill(os.getpid(), number)
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)


PROGRAM = """
import os, signal, sys, time
import click
from captures.console import command, interruption

@click.group()
def stamp():
    pass

@stamp.command()
def last():
    try:
        print("begun", file=sys.stderr, flush=True)
        while True:
            time.sleep(1)
    finally:
        for _ in range(20):
            time.sleep(0.01)
        print("cleaned up", file=sys.stderr)

@stamp.command()
def dropped():
    class Final:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
    print("begun", file=sys.stderr, flush=True)
    Final()
    while True:
        time.sleep(1)

@stamp.command()
def end():
    print("begun", file=sys.stderr, flush=True)
    time.sleep(0.3)
    return 1

command.run(stamp)
"""


def start(name: str, *before: str) -> subprocess.Popen[bytes]:
    # Coverage takes SIGTERM for itself in each program that it measures, which then is not ignored any more.
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    process = subprocess.Popen(
        [*before, sys.executable, "-c", PROGRAM, name],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env=unmeasured,
    )
    assert process.stderr.readline() == b"begun\n"
    return process


def storm(process: subprocess.Popen[bytes], number: signal.Signals) -> bytes:
    for _ in range(6000):
        if process.poll() is not None:
            break
        process.send_signal(number)
        time.sleep(0.005)
    return process.communicate(timeout=60)[1]


@pytest.mark.parametrize("number", SIGNALS)
def test_clean_up_is_not_cut_short_by_a_second_signal(number):
    process = start("last")
    assert storm(process, number) == b"cleaned up\nstamp: interrupted\n"
    assert process.returncode == 130


def test_an_interrupt_that_python_drops_is_not_the_last_one():
    process = start("dropped")
    assert storm(process, signal.SIGINT) == b"stamp: interrupted\n"
    assert process.returncode == 130


def test_an_exit_code_that_is_settled_stays():
    """Signals that come while the interpreter ends change nothing, and say nothing."""
    for _ in range(3):
        process = start("end")
        time.sleep(0.29)
        said = storm(process, signal.SIGINT)
        assert (process.returncode, said) in ((1, b""), (130, b"stamp: interrupted\n"))


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_was_ignored_from_the_start_stays_so(number):
    ignore = f"import signal, os, sys; signal.signal({int(number)}, 1); os.execvp(sys.argv[1], sys.argv[1:])"
    process = start("end", sys.executable, "-c", ignore)
    assert storm(process, number) == b""
    assert process.returncode == 1
