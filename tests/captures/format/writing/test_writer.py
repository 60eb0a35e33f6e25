"""A capture exists whole under its name or not at all, whatever goes wrong while it is written."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.console.errors import InputError, PreflightError
from captures.format.reader import open_capture
from captures.format.writing.writer import CaptureWriter, check_room
from tests.captures.content import content, noise, tiny, write
from tests.disks import disk_of

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new.rcap"


def test_a_failure_leaves_nothing(path):
    with pytest.raises(ZeroDivisionError), CaptureWriter(path, tiny().shape) as writer:
        writer.part().write(*tiny().part(0, 2))
        raise ZeroDivisionError
    assert list(path.parent.iterdir()) == []


def test_leaving_unfinished_leaves_nothing(path):
    with CaptureWriter(path, tiny().shape) as writer:
        writer.part().write(*tiny().part(0, 3))
    assert list(path.parent.iterdir()) == []


def test_an_existing_file_is_kept(path):
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        CaptureWriter(path, tiny().shape)
    assert path.read_bytes() == b"mine"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_appears_meanwhile_is_kept(path):
    with pytest.raises(InputError, match="exists already"), CaptureWriter(path, tiny().shape) as writer:
        writer.part().write(*tiny().part(0, 3))
        path.write_bytes(b"mine")
        writer.finish(tiny().mix)
    assert path.read_bytes() == b"mine"
    assert list(path.parent.iterdir()) == [path]


def test_force_replaces_only_when_finished(path):
    path.write_bytes(b"mine")
    with CaptureWriter(path, tiny().shape, force=True):
        pass
    assert path.read_bytes() == b"mine"
    digest = write(path, tiny(), force=True)
    assert open_capture(path).digest == digest


def test_a_folder_is_no_name(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        CaptureWriter(tmp_path, tiny().shape, force=True)


def test_of_two_writers_of_a_name_the_first_to_finish_has_it(path):
    other = content(noise([(3, 100)]))
    with CaptureWriter(path, tiny().shape) as first, CaptureWriter(path, other.shape) as second:
        first.part().write(*tiny().part(0, 3))
        second.part().write(*other.part(0, 1))
        digest = second.finish(other.mix)
        with pytest.raises(InputError, match="exists already"):
            first.finish(tiny().mix)
    assert open_capture(path).digest == digest
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_the_name_that_a_partial_one_once_had_is_nobodys_business(path):
    stranger = path.with_name("new.rcap.partial")
    stranger.write_bytes(b"theirs")
    write(path, tiny())
    assert stranger.read_bytes() == b"theirs"


def test_what_is_digested_is_what_gets_the_name(path):
    """Whatever somebody does to the folder meanwhile: the file is known by its descriptor."""
    with CaptureWriter(path, tiny().shape) as writer:
        writer.part().write(*tiny().part(0, 3))
        for each in path.parent.iterdir():
            each.write_bytes(b"foreign")
        digest = writer.finish(tiny().mix)
    assert open_capture(path).digest == digest


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"missing/new\.rcap: can't be written: No such file"):
        CaptureWriter(tmp_path / "missing" / "new.rcap", tiny().shape)
    with pytest.raises(InputError, match=r"missing/new\.rcap: can't be written: No such file"):
        check_room(tmp_path / "missing" / "new.rcap", 1)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to write everywhere, for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_is_named():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with as_nobody(), pytest.raises(InputError, match="can't be written: Permission denied"):
            CaptureWriter(Path(folder, "new.rcap"), tiny().shape)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("1m", tmp_path) as disk:
        yield disk


def test_a_disk_too_small_is_seen_before_writing(small_disk):
    held = content(noise([(100, 600)] * 20))
    with pytest.raises(PreflightError, match=r"needs 1\.2 MiB and the disk has 1\.0 MiB free"):
        CaptureWriter(small_disk / "new.rcap", held.shape)
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(small_disk):
    held = content(noise([(100, 600)] * 15))
    path = small_disk / "new.rcap"
    with pytest.raises(OSError, match="No space left"), CaptureWriter(path, held.shape) as writer:
        (small_disk / "other").write_bytes(bytes(300_000))
        writer.part().write(*held.part(0, 15))
    assert list(small_disk.iterdir()) == [small_disk / "other"]


def test_a_limit_on_file_size_leaves_nothing(path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            CaptureWriter(path, tiny().shape)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(path.parent.iterdir()) == []
