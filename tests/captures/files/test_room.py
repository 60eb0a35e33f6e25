"""A disk with too little room is refused before, and one that fills up ends in a line."""

import errno

import pytest

from captures.console.errors import PreflightError, RunError
from captures.files.room import filling, require_room
from tests.disks import disk_of


def test_a_disk_with_too_little_room_is_refused(tmp_path):
    with disk_of("10m", tmp_path) as disk:
        require_room(disk / "a", 10 << 20)
        with pytest.raises(PreflightError, match=r"a: needs 10\.0 MiB, and the disk has 10\.0 MiB free; make room"):
            require_room(disk / "a", (10 << 20) + 1)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PreflightError, match="can't be written: No such file"):
        require_room(tmp_path / "none" / "a", 1)


@pytest.mark.parametrize(
    ("number", "complaint"),
    [(errno.ENOSPC, "full; do x"), (errno.EDQUOT, "full; do x"), (errno.EFBIG, "no file of this size")],
)
def test_what_the_kernel_says_becomes_a_line(tmp_path, number, complaint):
    with pytest.raises(RunError, match=complaint), filling(tmp_path, "do x"):
        raise OSError(number, "x")


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(BrokenPipeError), filling(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "x")
