"""Whether an open capture still is what was checked."""

import os

import pytest

from captures.console.errors import RunError
from captures.files.open_file import Source
from captures.format.reader import open_capture
from tests.captures.content import content, noise, write


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "some.rcap"
    write(path, content(noise([(10, 30)] * 5)))
    return open_capture(path)


def test_what_is_only_read_moved_or_replaced_is_unchanged(capture):
    capture.path.read_bytes()
    capture.source.check()
    capture.path.rename(capture.path.with_suffix(".moved"))
    capture.path.write_bytes(b"another file")
    capture.path.unlink()
    capture.source.check()


@pytest.mark.parametrize("change", [lambda path: os.truncate(path, 4096), lambda path: path.write_bytes(b"x")])
def test_what_is_written_or_cut_is_changed(capture, change):
    change(capture.path)
    with pytest.raises(RunError, match="the capture was changed while it was read"):
        capture.source.check()


def test_the_descriptor_is_given_back(capture):
    source = Source(capture.path)
    fd = source.fd
    del source
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
