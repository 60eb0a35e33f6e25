"""Code that was compiled is found again; a file that is damaged or can't be written only costs time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from replay.board.journal import clear, new_journal
clear(new_journal())
print("ran")
"""


def run(cache: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STAMPEDE_CACHE": str(cache), "NUMBA_DISABLE_JIT": "0"}
    line = [sys.executable, "-c", before + PROGRAM]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the code of the program."""
    cache = tmp_path_factory.mktemp("compiled")
    assert run(cache).stdout == "ran\n"
    return cache


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"no pickle at all" * 40])
def test_a_damaged_file_is_compiled_anew(tmp_path: Path, compiled: Path, suffix: str, damage: bytes) -> None:
    shutil.copytree(compiled, tmp_path, dirs_exist_ok=True)
    files = list(tmp_path.rglob(f"*.{suffix}"))
    assert files
    for file in files:
        file.write_bytes(damage)
    again = run(tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "ran\n", "")
    assert all(file.stat().st_size > len(damage) for file in tmp_path.rglob(f"*.{suffix}"))


def test_where_there_is_no_room_it_is_said_once(tmp_path: Path) -> None:
    full = """
import errno, os
from numba.core import caching
def full(self, name, data):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
caching.IndexDataCacheFile._save_data = full
"""
    ended = run(tmp_path, full)
    assert (ended.returncode, ended.stdout) == (0, "ran\n")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"compiled code can't be kept in {tmp_path}")
    assert line.endswith("No space left on device; STAMPEDE_CACHE=FOLDER names another place")
