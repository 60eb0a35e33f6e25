"""The rule of conftest.py, seen from outside: pytest runs a small project of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
SKIPPED_TEST = "import pytest\ndef test_one(): pytest.skip('no tool')\ndef test_two(): pass\n"
SKIPPED_MODULE = "import pytest\npytest.skip('no tool', allow_module_level=True)\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_one(): assert False\n"


def run_pytest(folder: Path, source: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_it.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", str(folder)],
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
    result = run_pytest(tmp_path, source, ci="")
    assert result.returncode == 0, result.stdout


def test_an_expected_failure_is_no_skip(tmp_path):
    result = run_pytest(tmp_path, EXPECTED_FAILURE, ci="true")
    assert result.returncode == 0, result.stdout


def test_what_is_against_the_clock_has_one_process_for_itself(tmp_path):
    """Of two processes, which each would take some of the files otherwise."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    clocked = ("control", "healing", "ledger", "live_loss", "lying_network", "time_axis", "workers")
    source = "import os\ndef test_it(): open(os.environ['PYTEST_XDIST_WORKER'], 'a').write({!r})\n"
    for folder in ("network", "elsewhere"):
        (tmp_path / folder).mkdir()
        for name in clocked:
            (tmp_path / folder / f"test_{name}.py").write_text(source.format(folder[0]))
    options = ("-p", "no:cacheprovider", "--import-mode=importlib", "-n", "2", "--dist", "loadscope")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    ran = [path.read_text() for path in tmp_path.glob("gw*")]
    assert max(text.count("n") for text in ran) == sum(text.count("n") for text in ran) == len(clocked)
    assert sum(text.count("e") for text in ran) == len(clocked)
