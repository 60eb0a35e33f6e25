"""A watch as a program calls it: how it ends where there is nothing to watch, and what its report holds."""

import errno
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import pytest

from captures.console.errors import InputError, PreflightError
from replay.clock import SECOND_NS
from replay.json_file import SCHEMA
from replay.receiver_host.looking import Looker
from replay.sessions.watch import WatchRequest, watch


def test_without_proc_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_looker: Looker) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/net/snmp")

    monkeypatch.setattr(Looker, "look", look)
    with pytest.raises(PreflightError, match="/proc/net/snmp: No such file or directory; a watch reads .* in /proc"):
        watch(WatchRequest(ports=(5514,), duration_ns=1))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ports": ()}, "--ports: '' is not a list of ports"),
        ({"ports": (-1,)}, "--ports: '-1' is not a list of ports"),
        ({"ports": (70_000,)}, "--ports: port 70000 is outside"),
        ({"ports": (514, 514)}, "--ports: '514,514' has port 514 twice"),
        ({"ports": "514"}, "--ports '514': give the numbers themselves"),
        ({"duration_ns": -1}, "--duration: -1 ns is no time"),
    ],
)
def test_a_value_that_no_watch_can_have_is_the_line_of_its_flag(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refusal:
        watch(WatchRequest(**{"ports": (5514,), "duration_ns": 1, **more}))
    assert str(refusal.value).startswith(said)


def test_the_report_is_the_file_and_its_host_has_no_place_of_its_own(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as watched:
        watched.bind(("127.0.0.1", 0))
        port = watched.getsockname()[1]
        request = WatchRequest(ports=[port], duration_ns=SECOND_NS // 20)
        with ThreadPoolExecutor(1) as pool:  # as a program does that starts its run meanwhile
            report = pool.submit(watch, request, report=tmp_path / "r.json").result()
    assert (report.ended_by, [lane.port for lane in report.host.lanes]) == ("duration", [port])
    figures = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert figures == report.figures()
    assert (figures["schema"], figures["kind"]) == (SCHEMA, "watch")
    assert asdict(report.host).items() <= figures.items()
