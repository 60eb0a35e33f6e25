"""For every test: how thorough it is, in which process it runs, and that a skip is no pass where all can run."""

import ctypes
import fcntl
import itertools
import os
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from captures.console.interruption import SIGNALS

UNCOMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"

SKIP_FAILS = os.environ.get("CI") == "true" and os.geteuid() == 0
"""CI as root has every tool and every right, so a test that skips there has lost what it needs."""

# Other work shares the cores, so an example that is slow once says nothing.
EXAMPLES = 10 if UNCOMPILED else 30  # what is uncompiled takes long, and the same properties are tested compiled
settings.register_profile("each run", deadline=None, max_examples=EXAMPLES)
settings.register_profile("deep", deadline=None, max_examples=300, derandomize=False, print_blob=True)
settings.load_profile("each run")

# What somebody calibrated on this machine must not decide how a test sends.
os.environ["XDG_CACHE_HOME"] = os.devnull

# A process that is forked in another folder would write what it measured there, where nobody looks for it.
os.environ.setdefault("COVERAGE_FILE", str(Path(__file__).parents[1] / ".coverage"))


NEEDS_THE_KERNEL = (
    *("network", "fuzz", "tools/test_demo.py", "tools/test_soaking.py", "tools/test_tuning.py"),
    *("tools/test_ceilings.py", "tools/test_rates.py"),
    *(f"captures/compiled/test_{of}.py" for of in ("cache", "kernel", "readiness")),
    *("test_conftest.py", "test_conventions.py", "test_docs.py", "captures/console", "captures/files"),
    *("captures/share", "captures/commands", "precompute/test_interrupted.py", "precompute/test_cli.py"),
    *("replay/linux", "replay/engine", "replay/sink/test_", "replay/supervision", "replay/control", "replay/exchange"),
    *("replay/audit/files", "replay/sessions", "replay/commands", "replay/doctor", "replay/test_cli.py"),
)
"""Where tests start processes, open sockets, fill disks or read /proc: `--quick` leaves them out."""

TENTHS = 10
_CLONE_NEWNET = 0x40000000  # sched.h


def pytest_addoption(parser: pytest.Parser) -> None:
    """How thorough to be."""
    parser.addoption("--deep", action="store_true", help="all examples and all tests; the fuzzers share an hour")
    parser.addoption("--tenth", type=int, metavar="0-9", help="be deep in this tenth of the files, but for the fuzzers")
    parser.addoption("--quick", action="store_true", help="only what needs no kernel: neither processes nor sockets")


def heed_interrupts() -> None:
    """A shell has those ignore SIGINT that it starts in the background, and what tests start would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Say which mark there is. A process of several (pytest-xdist) gets a network of its own, if it has the right to.

    Tests on loopback then run side by side: none sees another's ports, or what the kernel counts of its datagrams.
    """
    heed_interrupts()
    config.addinivalue_line("markers", "deep: is left out but for --deep, and where --tenth names its file's tenth")
    if not hasattr(config, "workerinput") or ctypes.CDLL(None).unshare(_CLONE_NEWNET):
        return
    from pyroute2 import IPRoute  # noqa: PLC0415 - it takes a while to load

    with IPRoute() as network:
        network.link("set", index=1, state="up")  # 1 is the loopback device


def _take_fewer_examples(item: pytest.Item) -> None:
    """Give a property that asks for many examples no more than each run gives others: uncompiled, each takes long."""
    test = getattr(item, "function", None)
    asked = getattr(test, "_hypothesis_internal_use_settings", None)
    if asked is not None and asked.max_examples > EXAMPLES:
        test._hypothesis_internal_use_settings = settings(asked, max_examples=EXAMPLES)


def _needs_the_kernel(path: Path) -> bool:
    return path.relative_to(Path(__file__).parent).as_posix().startswith(NEEDS_THE_KERNEL)


def _is_deep(config: pytest.Config, path: Path) -> bool:
    """Whether a file's tests are all run, with many examples: now, or in one of ten runs."""
    tenth = zlib.crc32(path.relative_to(config.rootpath).as_posix().encode()) % TENTHS
    return config.getoption("--deep") or config.getoption("--tenth") == tenth


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what `--quick` does not run."""
    return (config.getoption("--quick") and _needs_the_kernel(collection_path)) or None


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Properties take the number of their examples from the profile that is loaded when their file is imported."""
    if isinstance(collector, pytest.Module):
        settings.load_profile("deep" if _is_deep(collector.config, collector.path) else "each run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are too long for each run, and line up the others for several processes.

    The files with the most to do come first, so that all processes end together. Those that need the kernel, and mostly
    wait for it, take turns with those that compute, so that the cores are busy all the time.
    """
    for item in items:
        if UNCOMPILED and not _is_deep(config, item.path):
            _take_fewer_examples(item)
    out = [item for item in items if item.get_closest_marker("deep") and not _is_deep(config, item.path)]
    items[:] = [item for item in items if item not in out]
    config.hook.pytest_deselected(items=out)
    if hasattr(config, "workerinput"):
        files = sorted({item.path for item in items}, key=lambda path: (-path.stat().st_size, path))
        waiting, computing = ([path for path in files if _needs_the_kernel(path) == needs] for needs in (True, False))
        turns = [path for both in itertools.zip_longest(waiting, computing) for path in both if path]
        places = {path: place for place, path in enumerate(turns)}
        items.sort(key=lambda item: places[item.path])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Several processes (pytest-xdist) take the tests file by file, in their order: what a file needs is made once."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - an optional plugin

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A file by its name, made by whoever asks for it first: tests of all processes read it, and none changes it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        path = folder / name
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                make(path)
        return path

    return made


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
