"""What a run is told while it goes on: values are bounded, and nothing that it reads makes it wait."""

import os
import signal
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.clock import SECOND_NS
from replay.control.run_socket import ControlSocket
from replay.plan.pace import Pace
from tests.replay.control.told import Told


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[ControlSocket]:
    with ControlSocket(tmp_path / "control") as listening:
        yield listening


@pytest.mark.parametrize("text", ["1e4000000", "0", "-1", "1/3", "nan", "1e9", "9" * 4000, ""])
def test_what_is_no_speed_is_refused_at_once(text: str, tmp_path: Path, listener: ControlSocket) -> None:
    told = Told(tmp_path, Pace(speed=Fraction(60)), listener)
    with pytest.raises(InputError, match="is not a speed"):
        told.controls.obey(["speed", text])
    assert told.factor() == 1


def test_a_speed_is_bounded_by_the_rate_that_it_asks_for(tmp_path: Path, listener: ControlSocket) -> None:
    told = Told(tmp_path, Pace(speed=Fraction(60)), listener)  # at which the busiest window has 5 EPS
    told.controls.obey(["speed", "59999999.5"])
    assert told.factor() == Fraction("59999999.5") / 60
    for text in ("60000001", "999999999.999999999", "0.000000001"):
        with pytest.raises(InputError, match="asks for over 5,000,000 EPS in the busiest window, or for nothing"):
            told.controls.obey(["speed", text])


def test_a_speed_whose_instants_no_clock_tells_is_refused_and_forgotten(
    tmp_path: Path, listener: ControlSocket
) -> None:
    """At the slowest factor of a run that takes years, its last events are due thousands of years away."""
    slow = Fraction(1, 10_000)
    told = Told(tmp_path, Pace(speed=slow), listener)
    with pytest.raises(InputError, match="over 100 years"):
        told.controls.obey(["speed", "0.0000001"])
    assert told.factor() == 1
    told.controls.obey(["pause"])
    told.controls.obey(["resume"])
    assert told.factor() == 1


@pytest.mark.parametrize("text", ["1e6", "9" * 4000, "0", "5000001", "-1", ""])
def test_what_is_no_rate_is_refused(text: str, tmp_path: Path, listener: ControlSocket) -> None:
    told = Told(tmp_path, Pace(1000), listener)
    with pytest.raises(InputError, match="is not a count|1 to 5,000,000 EPS are allowed"):
        told.controls.obey(["rate", text])
    assert told.factor() == 1


def test_a_rate_that_was_changed_for_days_still_fits_the_board(
    tmp_path: Path, listener: ControlSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a million times its pace a schedule soon counts more nanoseconds than 64 bits hold."""
    told = Told(tmp_path, Pace(1), listener)
    told.controls.obey(["rate", "5M"])
    days_ns = 30 * 86_400 * SECOND_NS
    monkeypatch.setattr(told.supervisor, "_elapsed_ns", lambda: days_ns)
    told.controls.obey(["rate", "4M"])

    held = told.supervisor.board.time_scale()
    assert held is not None
    assert held[1] == told.supervisor.outcome.demand.time_scale
    assert held[1].at_ns > 2**63


@pytest.mark.parametrize("kind", ["fifo", "endless", "latin", "missing", "folder"])
def test_a_rate_file_that_holds_no_rate_is_read_at_once_and_refused(
    kind: str, tmp_path: Path, listener: ControlSocket
) -> None:
    told = Told(tmp_path, Pace(1000), listener)
    make: dict[str, Any] = {
        "fifo": os.mkfifo,
        "endless": lambda path: path.symlink_to("/dev/zero"),
        "latin": lambda path: path.write_bytes(b"2k\xff"),
        "missing": lambda path: path,
        "folder": Path.mkdir,
    }
    make[kind](told.rate_file)
    with told.controls:
        signal.raise_signal(signal.SIGUSR1)
        told.controls.poll()

    (said,) = told.said
    assert said.startswith("SIGUSR1: ")
    assert said.endswith("; the rate stays as it is")
    assert told.factor() == 1


def test_a_run_gives_the_handler_of_its_signal_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with Told(tmp_path, Pace(1), None).controls:
        assert signal.getsignal(signal.SIGUSR1) != before
    assert signal.getsignal(signal.SIGUSR1) is before


def test_how_fast_it_sends_is_known_from_the_first_events_on(
    tmp_path: Path, listener: ControlSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one event a second, too, though its offered load is judged over 64 s."""
    told, now = Told(tmp_path, Pace(1), listener), [1000 * SECOND_NS]
    board = told.supervisor.board
    board.control["start_ns"] = now[0] + SECOND_NS // 10
    for module in ("replay.supervision.recent", "replay.control.commands"):
        monkeypatch.setattr(f"{module}.monotonic_ns", lambda: now[0])
    assert told.controls.status()["eps"] == 0
    for second in range(1, 200):
        told.controls.poll()
        now[0] = 1000 * SECOND_NS + SECOND_NS // 10 + second * SECOND_NS
        board.lanes["sent_events"] = (second, 2 * second)
        status = told.controls.status()
        assert [worker["eps"] for worker in status["workers"]] == [1, 2]
        assert status["eps"] == 3
