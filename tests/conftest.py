"""For every test: a skip is no pass where everything can run, and nothing is judged by its pace."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from captures.console.interruption import SIGNALS

SKIP_FAILS = os.environ.get("CI") == "true" and os.geteuid() == 0
"""CI as root has every tool and every right, so a test that skips there has lost what it needs."""

# Other work shares the cores, so an example that is slow once says nothing.
settings.register_profile("shared-cores", deadline=None)
settings.load_profile("shared-cores")

# What somebody calibrated on this machine must not decide how a test sends.
os.environ["XDG_CACHE_HOME"] = os.devnull


AGAINST_THE_CLOCK = (
    *(f"network/test_{name}.py" for name in ("calibrate", "control", "healing", "hostile_surroundings", "workers")),
    *(
        f"network/test_{name}.py"
        for name in ("ledger", "lifecycle", "live_loss", "lying_network", "reports", "time_axis")
    ),
    *("replay/engine", "replay/linux", "replay/sink", "replay/test_cli.py", "tools"),
)
"""Tests that run programs at a pace, one at a time: two at once would be late for each other's sake. Those that look at
bytes alone may share the cores."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """How thorough to be."""
    parser.addoption("--deep", action="store_true", help="let the fuzzers of tests/fuzz share an hour")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests are shared out to several processes (pytest-xdist), those against the clock go to one of them.

    By their paths: the marks that pytest-xdist has for this, xdist_group, are without effect from pytest 9.2 on.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - an optional plugin

    here = Path(__file__).parent

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = (config.rootpath / nodeid.partition("::")[0]).relative_to(here).as_posix()
            return "against the clock" if path.startswith(AGAINST_THE_CLOCK) else nodeid

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A command that is called in this process ends with its signals ignored; who is started later would inherit it."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _fail_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if SKIP_FAILS and report.skipped and not hasattr(report, "wasxfail"):
        path, line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: skipped, and CI allows no skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """A test that skips."""
    report = yield
    _fail_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """A module that skips as a whole."""
    report = yield
    _fail_skip(report)
    return report
