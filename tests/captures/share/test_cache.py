"""Packed captures are unpacked once; what is in use stays, and the cache keeps its bound."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from captures.console.errors import InputError, PreflightError, RunError
from captures.format.reader import open_capture
from captures.share import cache as caching
from captures.share.cache import SIZE_VARIABLE, cached, open_any, remove
from captures.share.packing import pack
from tests.captures.share.carried import mangled, small
from tests.disks import disk_of

ROOT = Path(__file__).parents[3]


def packed_one(folder: Path, name: str, events: int) -> Path:
    capture = small(folder / f"{name}.rcap", events)
    pack(capture, folder / f"{name}.rcapz")
    return folder / f"{name}.rcapz"


def test_a_capture_that_is_not_packed_is_opened_as_it_is(capture, cache):
    assert open_any(capture).path == capture
    assert not cache.exists()


def test_a_packed_capture_is_unpacked_once(capture, cache, tmp_path, capsys):
    pack(capture, tmp_path / "lab.rcapz")
    opened = open_any(tmp_path / "lab.rcapz")
    assert opened.digest == open_capture(capture).digest
    assert opened.files == [tmp_path / "lab.rcapz", cache / f"{opened.digest}.rcap"]
    assert opened.mapped_path.read_bytes() == capture.read_bytes()
    assert "is unpacked into" in capsys.readouterr().err
    again = open_any(tmp_path / "lab.rcapz")
    assert os.path.samestat(os.fstat(again.source.fd), os.fstat(opened.source.fd))
    assert capsys.readouterr().err == ""
    assert not opened.source.changed


def test_a_damaged_file_of_the_cache_is_unpacked_again(capture, tmp_path):
    pack(capture, tmp_path / "lab.rcapz")
    path = open_any(tmp_path / "lab.rcapz").mapped_path
    path.write_bytes(mangled(path.read_bytes(), 4090))
    assert open_any(tmp_path / "lab.rcapz").mapped_path.read_bytes() == capture.read_bytes()


def test_what_was_used_longest_ago_goes_first_and_what_is_in_use_stays(tmp_path, monkeypatch):
    names = {name: packed_one(tmp_path, name, events) for name, events in (("a", 10), ("b", 11), ("c", 12), ("d", 13))}
    sizes = {name: path.with_suffix(".rcap").stat().st_size for name, path in names.items()}
    monkeypatch.setenv(SIZE_VARIABLE, str(sizes["a"] + sizes["c"] + sizes["d"]))
    digests = {name: open_capture(path.with_suffix(".rcap")).digest for name, path in names.items()}
    held = open_any(names["a"])
    for age, name in ((30, "a"), (20, "b"), (10, "c")):
        path = open_any(names[name]).mapped_path.with_suffix(".used")
        os.utime(path, (path.stat().st_atime - age, path.stat().st_mtime - age))
    assert [entry.digest for entry in cached()] == [digests["a"], digests["b"], digests["c"]]
    open_any(names["d"])
    assert [entry.digest for entry in cached()] == [digests["a"], digests["c"], digests["d"]]
    del held
    monkeypatch.setenv(SIZE_VARIABLE, str(sizes["b"]))
    open_any(names["b"])
    assert [entry.digest for entry in cached()] == [digests["b"]]


def test_what_does_not_fit_beside_what_is_in_use_is_refused(tmp_path, monkeypatch):
    first, second = packed_one(tmp_path, "a", 10), packed_one(tmp_path, "b", 11)
    held = open_any(first)
    monkeypatch.setenv(SIZE_VARIABLE, str(len(second.with_suffix(".rcap").read_bytes()) + 10))
    with pytest.raises(PreflightError, match=f"are in use; set {SIZE_VARIABLE}, or unpack it yourself"):
        open_any(second)
    assert [entry.digest for entry in cached()] == [held.digest]


def test_a_capture_that_is_larger_than_the_bound_removes_no_other(tmp_path, monkeypatch):
    first, second = packed_one(tmp_path, "a", 10), packed_one(tmp_path, "b", 110)
    open_any(first)
    monkeypatch.setenv(SIZE_VARIABLE, str(second.with_suffix(".rcap").stat().st_size - 1))
    with pytest.raises(PreflightError, match="the cache may have"):
        open_any(second)
    assert len(cached()) == 1


def test_what_was_removed_while_it_was_opened_is_still_read(capture, tmp_path):
    pack(capture, tmp_path / "lab.rcapz")
    opened = open_any(tmp_path / "lab.rcapz")
    (entry,) = cached()
    assert not remove(entry)
    opened.mapped_path.unlink()
    assert remove(entry)
    assert bytes(opened.payload) == bytes(open_capture(capture).payload)


@pytest.mark.parametrize("text", ["", "5 apples", "5G"])
def test_a_bound_that_is_no_size_is_refused(tmp_path, monkeypatch, text):
    path = packed_one(tmp_path, "a", 10)
    monkeypatch.setenv(SIZE_VARIABLE, text)
    if text:
        with pytest.raises(InputError, match=SIZE_VARIABLE):
            open_any(path)
    else:
        assert open_any(path).events


def test_a_folder_that_can_not_be_used_is_said_in_a_line(tmp_path, monkeypatch):
    path = packed_one(tmp_path, "a", 10)
    monkeypatch.setenv("STAMPEDE_CACHE", "/dev/null")
    with pytest.raises(PreflightError, match="set STAMPEDE_CACHE"):
        open_any(path)
    (tmp_path / "open" / "captures").mkdir(parents=True)
    (tmp_path / "open" / "captures").chmod(0o777)
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "open"))
    with pytest.raises(PreflightError, match="that this user alone may write to"):
        open_any(path)


def test_the_folder_is_beside_the_other_caches(tmp_path, monkeypatch):
    monkeypatch.delenv("STAMPEDE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert caching.cache_folder() == tmp_path / "xdg" / "stampede" / "captures"


def test_a_full_disk_ends_in_a_line_and_old_captures_make_room(large_capture, tmp_path, monkeypatch):
    pack(large_capture, tmp_path / "lab.rcapz")
    other = packed_one(tmp_path, "a", 10)
    with disk_of("20m", tmp_path) as disk:
        monkeypatch.setenv("STAMPEDE_CACHE", str(disk))
        open_any(other)
        with pytest.raises(PreflightError, match=r"needs 33\.\d MiB, and the disk has"):
            open_any(tmp_path / "lab.rcapz")
        assert cached() == []
        monkeypatch.setattr(caching, "require_room", lambda *_: None)
        with pytest.raises(RunError, match="the disk is full; make room, or set STAMPEDE_CACHE"):
            open_any(tmp_path / "lab.rcapz")
        assert cached() == []


def test_several_processes_unpack_it_once(large_capture, cache, tmp_path):
    pack(large_capture, tmp_path / "lab.rcapz")
    program = "import sys; from captures.share.cache import open_any; print(open_any(sys.argv[1]).source.fd > 0)"
    command = [sys.executable, "-c", program, str(tmp_path / "lab.rcapz")]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    told = [process.communicate(timeout=120) for process in started]
    assert [out for out, _ in told] == ["True\n"] * 3
    assert sum("is unpacked into" in err for _, err in told) == 1
    assert len([path for path in cache.iterdir() if path.suffix == ".rcap"]) == 1
