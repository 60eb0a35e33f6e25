"""What is written exists whole under its name or not at all, and takes the place of nothing but a regular file."""

import errno
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from captures.console.errors import InputError, PreflightError
from captures.files import output_file
from captures.files.output_file import STDIN, OutputFile, workplace, write_all, write_file
from tests.disks import disk_of

BYTES = b"what was written"


@pytest.fixture(params=["unnamed", "named"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder; with the second parameter its file system has no files without names, as NFS and vfat have none."""
    if request.param == "named":
        opened = os.open

        def without_unnamed(path, flags, *others, **more):
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "Operation not supported")
            return opened(path, flags, *others, **more)

        monkeypatch.setattr(os, "open", without_unnamed)
        monkeypatch.setattr(os, "link", lambda *_, **__: pytest.fail("it may be without links, too"))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_new_file_is_there_when_it_is_finished_and_not_before(place):
    path = place / "new"
    with OutputFile(path) as output:
        write_all(output.fd, BYTES)
        assert not path.exists()
        output.finish()
    assert path.read_bytes() == BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(place) == ["new"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("old", [b"old", None])
def test_what_is_not_finished_leaves_no_trace(place, error, old):
    path = place / "new"
    if old:
        path.write_bytes(old)
    with pytest.raises(error), OutputFile(path, force=True) as output:
        write_all(output.fd, BYTES)
        raise error
    assert [each.read_bytes() for each in place.iterdir()] == ([old] if old else [])


def test_nobody_can_guess_a_name_that_it_has_meanwhile(place):
    shown = set()
    for _ in range(2):
        with OutputFile(place / "new"):
            shown |= set(names(place))
    assert len(shown) in (0, 2)


def test_a_file_that_is_there_is_kept_and_by_force_replaced(place):
    path = place / "new"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="exists already; choose another name, or --force to replace it"):
        OutputFile(path)
    assert path.read_bytes() == b"old"
    write_file(path, BYTES, force=True)
    assert path.read_bytes() == BYTES
    assert names(place) == ["new"]


def test_a_file_that_appears_meanwhile_is_kept(place):
    path = place / "new"
    with pytest.raises(InputError, match="exists already"), OutputFile(path) as output:
        path.write_bytes(b"theirs")
        output.finish()
    assert path.read_bytes() == b"theirs"
    assert names(place) == ["new"]


def test_the_file_in_whose_place_it_comes_gives_it_its_mode(place):
    path = place / "new"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_file(path, BYTES, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_the_file_in_whose_place_it_comes_gives_it_its_owner(place):
    if os.geteuid():
        pytest.skip("only root gives files away")
    path = place / "new"
    path.write_bytes(b"old")
    os.chown(path, 65534, 65533)
    write_file(path, BYTES, force=True)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)


def test_a_mode_of_its_own(place):
    write_file(place / "new", BYTES, mode=0o600)
    assert stat.S_IMODE((place / "new").stat().st_mode) == 0o600


def test_a_file_that_is_read_only_is_refused(tmp_path):
    """To root nothing is read-only but what is immutable, so a program that runs is asked here."""
    path = tmp_path / "program"
    path.write_bytes(Path("/bin/sleep").read_bytes())
    path.chmod(0o700)
    with subprocess.Popen([path, "60"]) as process:
        try:
            with pytest.raises(InputError, match="can't be written: Text file busy"):
                OutputFile(path, force=True)
        finally:
            process.kill()


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_is_followed_and_stays(place, there):
    link, real = place / "link", place / "folder" / "real"
    real.parent.mkdir()
    link.symlink_to("folder/real")
    if there:
        real.write_bytes(b"old")
        with pytest.raises(InputError, match="exists already"):
            OutputFile(link)
    write_file(link, BYTES, force=there)
    assert link.is_symlink()
    assert real.read_bytes() == BYTES
    assert names(real.parent) == ["real"]


def test_links_without_an_end_are_one_line(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="can't be written: Too many levels of symbolic links"):
        OutputFile(tmp_path / "a", force=True)


@pytest.mark.parametrize("change", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/passwd")])
def test_what_is_no_regular_file_any_more_is_not_replaced(place, change: Callable[[Path], object]):
    path = place / "new"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="is no regular file any more"), OutputFile(path, force=True) as output:
        path.unlink()
        change(path)
        output.finish()
    assert not stat.S_ISREG(path.lstat().st_mode)
    assert names(place) == ["new"]


def test_a_file_that_is_put_in_its_place_is_seen(tmp_path, monkeypatch):
    """What gets the name must be what was written: rename(2) takes whatever has the temporary name by then."""
    rename = os.rename

    def swap(source, target, *, src_dir_fd, dst_dir_fd):
        os.unlink(source, dir_fd=src_dir_fd)
        (tmp_path / source).write_bytes(b"foreign")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", swap)
    with pytest.raises(InputError, match="somebody put another file there just now"):
        write_file(tmp_path / "new", BYTES, force=True)


def test_a_fifo_is_written_into_and_stays(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(InputError, match="nobody reads it; start its reader first"):
        OutputFile(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    write_file(fifo, BYTES)
    assert os.read(reader, 100) == BYTES
    os.close(reader)
    assert fifo.is_fifo()
    assert names(tmp_path) == ["fifo"]


@pytest.mark.parametrize("number", [(1, 3), (1, 7)], ids=["null", "full"])
def test_a_device_is_written_into_and_stays(tmp_path, number):
    node = tmp_path / "node"
    if os.geteuid():
        pytest.skip("only root makes devices")
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(*number))
    with OutputFile(node, force=True) as output:
        write_all(output.fd, BYTES)
        if number == (1, 7):
            with pytest.raises(OSError, match="No space left on device"):
                output.finish()
        else:
            output.finish()
    assert node.is_char_device()
    assert names(tmp_path) == ["node"]


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("kind", ["folder", "disk", "socket"])
def test_what_can_not_be_written_into_is_refused(tmp_path, kind, force):
    path = tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    elif kind == "disk":
        if os.geteuid():
            pytest.skip("only root makes devices")
        os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(7, 255))
    else:
        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(InputError, match=f"^{path}: is a {kind}"):
        OutputFile(path, force=force)
    assert names(tmp_path) == ["it"]


WRITER = """
import sys
from pathlib import Path
from captures.files.output_file import write_file
write_file(Path(sys.argv[1]), b"what was written")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_a_descriptor_of_this_process_is_written_into(tmp_path, name):
    """Behind what is there already, and though it is a regular file: what was opened is no name to be replaced."""
    if name == "link":
        (tmp_path / "link").symlink_to("/dev/stdout")
        name = str(tmp_path / "link")
    out = tmp_path / "out"
    with out.open("wb", buffering=0) as file:
        file.write(b"before, ")
        subprocess.run([sys.executable, "-c", WRITER, name], stdout=file, check=True, cwd=Path(__file__).parents[3])
        file.write(b", and after")
    assert out.read_bytes() == b"before, " + BYTES + b", and after"


def test_a_descriptor_that_is_not_open_is_one_line():
    with pytest.raises(InputError, match="/dev/fd/1000: can't be written: "):
        OutputFile("/dev/fd/1000")


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_what_is_read_is_refused_by_whatever_name(tmp_path, link):
    source = tmp_path / "source"
    source.write_bytes(b"read")
    path = tmp_path / "other" if link else source
    if link:
        link(path, source)
    with pytest.raises(InputError, match=f"this is the file that is read, {source}; write to another one"):
        OutputFile(path, force=True, inputs=[tmp_path / "absent", source])
    assert source.read_bytes() == b"read"


def test_stdin_is_read_too(tmp_path):
    path = tmp_path / "in"
    path.write_bytes(b"read")
    asked = f"""
from captures.files.output_file import OutputFile, STDIN
OutputFile({str(path)!r}, force=True, inputs=[STDIN])
"""
    with path.open() as stdin:
        done = subprocess.run(
            [sys.executable, "-c", asked],
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
    assert f"{path}: this is the file that is read, {STDIN}" in done.stderr


def test_what_is_nowhere_on_a_disk_may_be_read_and_written():
    with OutputFile("/dev/null", inputs=[Path("/dev/null")]) as output:
        output.finish()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none/new", "No such file or directory"),
        ("file/new", "Not a directory"),
        ("/proc/new", "No such file or directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_place_where_nothing_can_be_is_one_line(tmp_path, monkeypatch, path, said):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InputError, match=f"^{path}: can't be written: {said}$"):
        OutputFile(path)


def test_a_name_as_long_as_names_can_be(place):
    path = place / ("n" * 255)
    write_file(path, BYTES)
    write_file(path, BYTES, force=True)
    assert names(place) == [path.name]


def test_a_disk_without_room_for_one_more_file_is_full_and_not_wrong(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(output_file.OutputFile, "_open_folder", full)
    with pytest.raises(PreflightError, match="can't be written: No space left on device"):
        OutputFile(tmp_path / "new")


def test_a_folder_that_moves_takes_its_file_along(place):
    folder = place / "folder"
    folder.mkdir()
    with OutputFile(folder / "new") as output:
        write_all(output.fd, BYTES)
        folder.rename(place / "moved")
        folder.mkdir()
        output.finish()
    assert names(folder) == []
    assert (place / "moved" / "new").read_bytes() == BYTES


def test_where_a_file_needs_room(tmp_path):
    assert workplace(tmp_path / "new") == tmp_path
    assert workplace(Path("/dev/null")) == Path(tempfile.gettempdir())
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/new")
    assert workplace(tmp_path / "link") == tmp_path / "folder"


def test_a_process_that_is_killed_leaves_nothing(tmp_path):
    with disk_of("1m", tmp_path) as disk:
        before = os.statvfs(disk).f_bfree
        killed = f"""
import os
from captures.files.output_file import OutputFile, write_all
write_all(OutputFile({str(disk / "new")!r}).fd, bytes(500_000))
os.kill(os.getpid(), 9)
"""
        subprocess.run([sys.executable, "-c", killed], check=False, cwd=Path(__file__).parents[3])
        assert names(disk) == []
        assert os.statvfs(disk).f_bfree == before


def test_a_file_that_stands_is_written_though_its_folder_can_t_be_opened_any_more(tmp_path, monkeypatch):
    """As where all descriptors are taken: the name is given, so saying that it is not would be wrong."""
    with OutputFile(tmp_path / "a", force=False) as file:
        os.write(file.fd, b"whole")
        really = os.open

        def refuse(path, flags, *more, **named):
            if path == "." and not flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EMFILE, "Too many open files")
            return really(path, flags, *more, **named)

        monkeypatch.setattr(os, "open", refuse)
        file.finish()
    assert (tmp_path / "a").read_bytes() == b"whole"
