"""A small file is read without waiting, and never past its bound."""

import os
import threading

import pytest

from captures.console.errors import InputError
from captures.files.small_file import read_small


def test_a_file_is_read_up_to_the_bound(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_small(path, 9)[0] == b"12345"
    data, status = read_small(path, 3)
    assert (data, status.st_size) == (b"123", 5)
    path.write_bytes(b"")
    assert read_small(path, 9)[0] == b""


def test_a_pipe_is_read_to_its_end():
    end, writer = os.pipe()

    def write():
        for piece in (b"12", b"34"):
            os.write(writer, piece)
        os.close(writer)

    thread = threading.Timer(0.05, write)
    thread.start()
    try:
        assert read_small(f"/dev/fd/{end}", 9)[0] == b"1234"
    finally:
        thread.join()
        os.close(end)


def test_what_gives_nothing_is_no_empty_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/null"):
        with pytest.raises(InputError, match="nobody writes"):
            read_small(path, 9)
    with pytest.raises(InputError, match="no name"):
        read_small("a\0b", 9)
    with pytest.raises(OSError, match="directory"):
        read_small(tmp_path, 9)
