"""`replay watch` as a user calls it: how it ends where there is nothing to watch."""

import errno
from typing import NoReturn

import pytest

from captures.console.errors import PreflightError
from replay.commands import watch
from replay.receiver_host.looking import Looker


def test_without_proc_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_looker: Looker) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/net/snmp")

    monkeypatch.setattr(Looker, "look", look)
    with pytest.raises(PreflightError, match="/proc/net/snmp: No such file or directory; a watch reads .* in /proc"):
        watch.watch.callback(ports=(5514,), duration_ns=1, report_path=None, as_json=False)  # type: ignore[misc]
