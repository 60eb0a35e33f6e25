"""A run as a program tells it what to do: its answer is checked, and its refusal is a line."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError, PreflightError, RunError
from replay.control.run_socket import ControlSocket
from replay.sessions.control import Command, tell

STANDING: dict[str, Any] = {
    "state": "running",
    "target_eps": 2000.0,
    "elapsed_s": 1.0,
    "eps": 2000,
    "sent_events": 2000,
    "asked_events": None,
    "workers": [],
    "later": 1,
}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The socket of a run that answers as its first word says."""
    over = threading.Event()

    def obey(words: Sequence[str]) -> dict[str, Any]:
        if words == ["rate", "0"]:
            raise InputError("rate 0: too \x1b[2J slow")
        return {"state": 7} if words == ["pause"] else STANDING

    def serve(listener: ControlSocket) -> None:
        while not over.wait(0.005):
            listener.poll(obey)

    with ControlSocket(tmp_path / "a.sock") as listener:
        serving = threading.Thread(target=serve, args=(listener,))
        serving.start()
        yield listener.path
        over.set()
        serving.join()


def test_the_answer_is_how_the_run_stands(path: Path) -> None:
    answer = tell(Command("rate", "2k", control=path))
    assert (answer.status.state, answer.status.eps, answer.figures) == ("running", 2000, STANDING)


def test_what_the_run_refuses_is_a_harmless_line(path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        tell(Command("rate", "0", control=path))
    assert str(refusal.value) == r"rate 0: too \x1b[2J slow"


def test_an_answer_that_makes_no_sense_is_no_success(path: Path) -> None:
    with pytest.raises(RunError, match="the run does not answer as one of this version would: state: "):
        tell(Command("pause", control=path))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("faster"), "'faster' is no command; there are rate, speed, "),
        (Command("rate", 2000), "VALUE 2000: write it like '2M'"),  # type: ignore[arg-type]
        (Command("pause", control="a.sock"), "--control 'a.sock': write it like Path("),  # type: ignore[arg-type]
        (Command("pause", pid="12"), "--pid '12': write it like 12345"),  # type: ignore[arg-type]
    ],
)
def test_what_no_run_understands_is_refused(command: Command, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        tell(command)
    assert str(refusal.value).startswith(said)


def test_without_a_run_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="no run of yours is under way"):
        tell(Command("status", control=tmp_path / "none.sock"))
