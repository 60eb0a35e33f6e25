"""Compiled code is kept where this user can write and nobody else can, and never outlives its source."""

import os
from pathlib import Path

import pytest

from captures.compiled import cache
from captures.compiled.cache import cache_folder


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variables of the cache are set, and temporary files lie in a folder of the test's own."""
    monkeypatch.delenv("STAMPEDE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path / "temporary"))


def test_the_first_folder_that_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder().parent == tmp_path / "home" / ".cache" / "stampede"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().parent == tmp_path / "xdg" / "stampede"
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "own"))
    assert cache_folder().parent == tmp_path / "own"
    assert cache_folder() == cache_folder()
    assert cache_folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["STAMPEDE_CACHE", "XDG_CACHE_HOME"])
def test_where_there_is_no_such_folder_temporary_files_lie(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, os.devnull)

    assert cache_folder().parent == tmp_path / "temporary" / f"stampede-{os.geteuid()}"


def test_a_relative_cache_home_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG Base Directory Specification says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")

    assert cache_folder().parent.parent == tmp_path / "temporary"
    assert not (tmp_path / "here").exists()


def test_where_nothing_can_be_kept_a_folder_of_this_process_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAMPEDE_CACHE", os.devnull)
    (tmp_path / "temporary" / f"stampede-{os.geteuid()}").write_bytes(b"")

    assert cache_folder().parent == tmp_path / "temporary"
    assert cache_folder() != cache_folder()


@pytest.mark.parametrize("whose", ["stampede-{uid}", "stampede-{uid}/{name}"])
def test_what_another_user_made_is_not_trusted(whose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the folder, or can put another one into its place, could have us run code."""
    monkeypatch.setenv("STAMPEDE_CACHE", os.devnull)
    foreign = tmp_path / "temporary" / whose.format(uid=os.geteuid(), name=cache_folder().name)
    owner = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        found = owner(path)
        return os.stat_result((*found[:4], 4242, *found[5:10])) if path == foreign else found

    monkeypatch.setattr(Path, "lstat", lstat)

    assert cache_folder().name.startswith("stampede-")
    assert cache_folder().parent == tmp_path / "temporary"


def test_another_source_or_way_of_compiling_has_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a module without kernels: they take constants from it."""
    for package in ("captures", "precompute", "replay"):
        (tmp_path / package / "deep").mkdir(parents=True)
    source = tmp_path / "replay" / "deep" / "layout.py"
    source.write_text("INTERVALS = 1024\n")
    monkeypatch.setattr(cache, "_ROOT", tmp_path)
    monkeypatch.delenv("NUMBA_BOUNDSCHECK", raising=False)
    seen = {cache_folder()}

    source.write_text("INTERVALS = 512\n")
    seen.add(cache_folder())
    source.rename(source.with_name("shapes.py"))
    seen.add(cache_folder())
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    seen.add(cache_folder())
    monkeypatch.setattr(cache, "version", lambda _: "99")
    seen.add(cache_folder())

    assert len(seen) == 5
