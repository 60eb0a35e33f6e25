"""The rule of conftest.py, seen from outside: pytest runs a small project of its own."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import heed_interrupts

CONFTEST = Path(__file__).with_name("conftest.py")
SKIPPED_TEST = "import pytest\ndef test_one(): pytest.skip('no tool')\ndef test_two(): pass\n"
SKIPPED_MODULE = "import pytest\npytest.skip('no tool', allow_module_level=True)\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_one(): assert False\n"


def run_pytest(folder: Path, source: str, *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_it.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *options, str(folder)],
        env=os.environ | {"CI": ci},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [SKIPPED_TEST, SKIPPED_MODULE])
def test_a_skip_fails_in_ci_as_root_only(tmp_path, source):
    result = run_pytest(tmp_path, source, ci="true")
    if os.geteuid() == 0:
        assert result.returncode != 0
        assert "CI allows no skip: Skipped: no tool" in result.stdout
    else:
        assert "1 skipped" in result.stdout


@pytest.mark.parametrize("source", [SKIPPED_TEST, EXPECTED_FAILURE])
def test_elsewhere_a_skip_is_a_skip(tmp_path, source):
    result = run_pytest(tmp_path, source)
    assert result.returncode == 0, result.stdout


def test_an_expected_failure_is_no_skip(tmp_path):
    result = run_pytest(tmp_path, EXPECTED_FAILURE, ci="true")
    assert result.returncode == 0, result.stdout


def test_in_the_background_too_what_is_started_can_be_interrupted():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heed_interrupts()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


SHARED_OUT = """
import os
def test_one():
    with open("ran", "a") as ran:
        print(os.environ["PYTEST_XDIST_WORKER"], os.readlink("/proc/thread-self/ns/net"), __file__, file=ran)
def test_two():
    test_one()
"""


def test_a_file_belongs_to_one_process_and_each_process_has_a_network_of_its_own(tmp_path):
    for number in range(8):
        (tmp_path / f"test_{number}.py").write_text(SHARED_OUT)
    result = run_pytest(tmp_path, SHARED_OUT, "--import-mode=importlib", "-n", "2", "--dist", "loadfile")
    assert result.returncode == 0, result.stdout
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert len(ran) == 18
    assert len({(process, file) for process, _, file in ran}) == 9
    networks = {network for _, network, _ in ran}
    if os.geteuid() == 0:
        assert str(Path("/proc/self/ns/net").readlink()) not in networks
        assert len(networks) == len({process for process, _, _ in ran}) == 2


DEEP = """
import pytest
from hypothesis import given, strategies
@pytest.mark.deep
def test_long(): print("a long test")
@given(strategies.integers())
def test_property(number): print("example")
"""


@pytest.mark.parametrize(("options", "long", "examples"), [((), 0, 30), (("--deep",), 1, 300)])
def test_in_each_run_long_tests_are_left_out_and_examples_are_few(tmp_path, options, long, examples):
    result = run_pytest(tmp_path, DEEP, "-s", *options)
    assert result.returncode == 0, result.stdout
    assert (result.stdout.count("a long test"), result.stdout.count("example")) == (long, examples)


def test_the_tenths_are_of_like_size_and_ten_of_them_are_all(request):
    is_deep = request.config.pluginmanager.get_plugin(str(CONFTEST))._is_deep
    files = sorted(CONFTEST.parent.rglob("test_*.py"))

    def tenth(number: int) -> list[Path]:
        asked = {"--deep": False, "--tenth": number}
        config = SimpleNamespace(rootpath=CONFTEST.parents[1], getoption=asked.get)
        return [path for path in files if is_deep(config, path)]

    tenths = [tenth(number) for number in range(10)]
    assert sorted(itertools.chain.from_iterable(tenths)) == files
    assert all(tenths)
    assert not tenth(None)


def test_the_quick_tests_need_no_kernel(tmp_path):
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "test_it.py").write_text(SKIPPED_MODULE)
    assert "1 passed" in run_pytest(tmp_path, "def test_it(): pass", "--quick", ci="true").stdout
