"""A signal that comes once the place of a report is proved: the command ends with that report, however early it is."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captures.console.command import run
from captures.console.errors import ExitCode
from replay.cli import replay


def struck(monkeypatch: pytest.MonkeyPatch, place: str, number: signal.Signals) -> None:
    """Let the signal come just before the function at `place` is called for the first time."""
    module, _, name = place.rpartition(":")
    owner = __import__(module, fromlist=[name])
    *parents, name = name.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    real: Callable[..., Any] = getattr(owner, name)
    left = [number]

    def called(*given: Any, **named: Any) -> Any:
        if left:
            os.kill(os.getpid(), left.pop())
        return real(*given, **named)

    monkeypatch.setattr(owner, name, called)


def ended(monkeypatch: pytest.MonkeyPatch, *words: object) -> object:
    """The exit code of a command."""
    monkeypatch.setattr("sys.argv", ["replay", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        run(replay)
    return end.value.code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("place", "ended_by"),
    [
        ("replay.sessions.watch:Accounts", "signal"),
        ("replay.receiver_host.looking:Looker.look", "signal"),
        ("replay.sessions.watch:watch_report", "duration"),
    ],
)
def test_a_watch_ends_with_its_report_and_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, place: str, ended_by: str
) -> None:
    struck(monkeypatch, place, number)
    length = ("--duration", "10s" if ended_by == "signal" else "0.1s")
    assert ended(monkeypatch, "watch", "--ports", "5514", *length, "--report", tmp_path / "r.json") == ExitCode.MET
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["kind"], report["ended_by"]) == ("watch", ended_by)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_audit_reports_that_it_read_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    (tmp_path / "a.log").write_bytes(b"nothing\n" * 10)
    struck(monkeypatch, "replay.sessions.audit:Seen", number)
    words = ("audit", tmp_path / "a.log", "--report", tmp_path / "r.json")
    assert ended(monkeypatch, *words) == ExitCode.INTERRUPTED
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["interrupted"], report["received_events"], report["passed"]) == (True, 0, False)
