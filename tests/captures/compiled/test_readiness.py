import os
import signal
from pathlib import Path
from typing import Self

import pytest

from captures.compiled import readiness
from captures.compiled.readiness import is_ready, make_ready


class Bar:
    """Stands for a bar of tqdm, and remembers what it was to show."""

    shown: Path

    def __init__(self, *, total: int, desc: str, bar_format: str) -> None:
        assert "{bar}" in bar_format
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
