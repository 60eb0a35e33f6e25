import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from captures.compiled import cache

PROGRAM = """
from replay.board.journal import new_journal, unload
unload(new_journal())
print(len(unload.stats.cache_hits))
"""


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Finds the folder anew, for an environment whose temporary folder and home are new ones."""
    for name in ("STAMPEDE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    return cache.cache_folder.__wrapped__


def parent_of(found: Path) -> str:
    return found.parent.name


def test_the_first_folder_that_is_named_is_taken(folder, monkeypatch, tmp_path):
    assert folder().parent == tmp_path / "home/.cache/stampede"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert folder().parent == tmp_path / "xdg/stampede"
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "own"))
    assert folder().parent == tmp_path / "own"
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700


@pytest.mark.parametrize("home", ["/dev/null", "not/absolute", "/proc/nobody"])
def test_where_nothing_can_be_written_it_is_a_temporary_folder_that_stays(folder, monkeypatch, home):
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    assert parent_of(folder()) == f"stampede-cache-{os.geteuid()}"
    assert folder() == folder()


def test_a_folder_in_which_others_can_write_is_not_used(folder, monkeypatch, tmp_path):
    """Its code would be executed."""
    shared = tmp_path / "xdg/stampede"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert parent_of(folder()) == f"stampede-cache-{os.geteuid()}"
    shared.chmod(0o755)
    assert folder().parent == shared


def test_if_no_folder_will_do_it_is_one_for_this_process(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("STAMPEDE_CACHE", "/dev/null")
    taken = tmp_path / f"temporary/stampede-cache-{os.geteuid()}"
    taken.write_text("a file")
    first, second = folder(), folder()
    assert first != second
    assert not first.name.startswith("compiled-")
    for each in (first, second):
        each.rmdir()


def test_a_relative_cache_home_is_passed_over(folder, monkeypatch, tmp_path):
    """As the XDG Base Directory Specification says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert parent_of(folder()) == f"stampede-cache-{os.geteuid()}"
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("whose", ["stampede-cache-{uid}", "stampede-cache-{uid}/{name}"])
def test_what_another_user_made_is_not_trusted(folder, monkeypatch, tmp_path, whose):
    """Who owns the folder, or can put another one into its place, could have us run code."""
    monkeypatch.setenv("STAMPEDE_CACHE", os.devnull)
    foreign = tmp_path / "temporary" / whose.format(uid=os.geteuid(), name=folder().name)
    lstat = Path.lstat

    def owned_by_another(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result((*found[:4], 4242, *found[5:10])) if path == foreign else found

    monkeypatch.setattr(Path, "lstat", owned_by_another)
    assert not folder().name.startswith("compiled-")


def test_a_folder_that_is_made_belongs_to_this_user_alone_whatever_the_umask(folder, monkeypatch, tmp_path):
    """A umask of 002 is usual where each user has a group of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    before = os.umask(0o002)
    try:
        found = folder()
    finally:
        os.umask(before)
    assert found.parent == tmp_path / "xdg/stampede"
    assert {stat.S_IMODE(each.stat().st_mode) for each in (found, found.parent)} == {0o700}


def test_a_folder_that_a_user_names_by_a_link_is_used(folder, monkeypatch, tmp_path):
    (tmp_path / "there").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "link"))
    assert folder().parent == tmp_path / "there"


def test_a_folder_that_came_with_its_code_may_be_read_only(folder, monkeypatch, tmp_path):
    """As in an image of a container; who is not root can't note there that it is used."""
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "image"))
    made = folder()
    monkeypatch.setattr(cache.os, "access", lambda *_: False)
    assert folder() != made
    (made / "the-sender.ready").touch()
    assert folder() == made


def test_its_name_changes_with_the_sources_and_the_folders_of_old_ones_go(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "own"))
    source = tmp_path / "root/replay/kernels.py"
    source.parent.mkdir(parents=True)
    monkeypatch.setattr(cache, "_ROOT", tmp_path / "root")
    names = []
    for version in range(10):
        source.write_text(f"from captures.compiled.kernel import kernel\n# {version}\n")
        found = folder()
        names.append(found.name)
        os.utime(found, (version, version))
    assert len(set(names)) == 10
    kept = {each.name for each in (tmp_path / "own").iterdir()}
    assert kept == set(names[-8:])
    monkeypatch.setattr(cache.numba.config, "BOUNDSCHECK", 1)
    assert folder().name not in names


@pytest.mark.parametrize(("package", "changes"), [("captures", True), ("precompute", False), ("replay", True)])
def test_a_package_that_has_kernels_compiles_them_anew_when_it_changes(folder, monkeypatch, tmp_path, package, changes):
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "own"))
    monkeypatch.setattr(cache, "_ROOT", tmp_path / "root")
    (tmp_path / "root" / package).mkdir(parents=True)
    before = folder()
    (tmp_path / "root" / package / "module.py").touch()
    assert (folder() != before) is changes
    sources = (Path(cache.__file__).parents[2] / package).rglob("*.py")
    assert any("@kernel\n" in source.read_text() for source in sources) is changes


def test_several_processes_compile_at_once(tmp_path):
    """One after the other finds what the first ones have left."""
    environment = {**os.environ, "STAMPEDE_CACHE": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    programs = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE) for _ in range(3)
    ]
    for program in programs:
        program.communicate(timeout=120)
        assert program.returncode == 0
    said = subprocess.check_output([sys.executable, "-c", PROGRAM], env=environment, timeout=120)
    assert said == b"1\n"
