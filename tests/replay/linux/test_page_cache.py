"""What of a mapped file is in the page cache: put there and thrown out on purpose."""

import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from replay.linux.page_cache import cached_bytes, may_be_told

PAGE = mmap.PAGESIZE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return uncached(tmp_path / "file")


def uncached(path: Path) -> Path:
    """64 pages and 100 bytes, on the disk and not in the cache."""
    path.write_bytes(os.urandom(64 * PAGE + 100))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if cached_bytes(mapped(path)).any():
        pytest.skip("needs a file system that lives on a disk")
    return path


def mapped(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def read(path: Path, first_page: int, pages: int) -> None:
    """Have these pages cached and no others: without reading ahead."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        assert len(os.pread(file.fileno(), pages * PAGE, first_page * PAGE))


def test_windows_hold_what_was_read(file):
    read(file, 3, 4)
    read(file, 16, 16)
    assert cached_bytes(mapped(file), 16 * PAGE).tolist() == [4 * PAGE, 16 * PAGE, 0, 0, 0]


def test_asking_reads_nothing(file):
    array = mapped(file)
    assert not cached_bytes(array).any()
    assert not cached_bytes(array).any()


def test_all_of_it_and_not_a_byte_more(file):
    file.read_bytes()
    assert cached_bytes(mapped(file)).tolist() == [64 * PAGE + 100]
    assert cached_bytes(mapped(file), 60 * PAGE).tolist() == [60 * PAGE, 4 * PAGE + 100]
    assert cached_bytes(mapped(file), PAGE).tolist() == [PAGE] * 64 + [100]


def test_the_last_page_counts_what_is_in_it(file):
    read(file, 64, 1)
    assert cached_bytes(mapped(file)).tolist() == [100]


def test_a_part_that_begins_within_a_page(file):
    read(file, 1, 1)
    assert cached_bytes(mapped(file)[PAGE + 10 : 3 * PAGE]).tolist() == [PAGE - 10]
    assert cached_bytes(mapped(file)[PAGE + 10 : PAGE + 30]).tolist() == [20]
    assert cached_bytes(mapped(file)[10 : 2 * PAGE], PAGE).tolist() == [10, PAGE - 10]


def test_nothing_at_all(file):
    assert cached_bytes(mapped(file)[:0]).tolist() == []


def test_what_is_not_mapped_is_an_error():
    mapping = mmap.mmap(-1, 2 * PAGE)
    array = np.frombuffer(mapping, np.uint8)
    # The address of memory that was never anybody's: the kernel keeps the last page of the address space free.
    array = np.lib.stride_tricks.as_strided(array, shape=(1 << 46,), strides=(1,))
    with pytest.raises(OSError, match="Cannot allocate memory"):
        cached_bytes(array[1 << 40 : (1 << 40) + PAGE])


def test_who_may_be_told(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    assert may_be_told(file)
    with pytest.raises(FileNotFoundError):
        may_be_told(tmp_path / "none")


AS_NOBODY = """
import os, sys
import numpy as np
from tests.replay.linux.test_page_cache import Path, cached_bytes, mapped, may_be_told
os.setuid(65534)
print(may_be_told(Path(sys.argv[1])), cached_bytes(mapped(Path(sys.argv[1]))).sum())
"""


@pytest.mark.parametrize(("mode", "told"), [(0o644, f"False {64 * PAGE + 100}"), (0o666, "True 0")])
def test_others_are_told_the_truth_only_if_they_may_write(mode, told):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to others
        Path(folder).chmod(0o755)
        path = uncached(Path(folder) / "file")
        path.chmod(mode)
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, path], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == told, done.stderr
