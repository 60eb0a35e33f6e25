"""The control socket: private, patient with nobody, and deaf to nonsense."""

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError, PreflightError
from replay.control import run_socket
from replay.control.run_socket import ControlSocket, ask, control_folder, find_run
from replay.exchange.json_request import Clients


def echo(words: Sequence[str]) -> dict[str, Any]:
    if words[0] == "no":
        raise InputError("no means no")
    return {"words": list(words)}


@contextmanager
def served(path: Path | None, obey: Callable[[Sequence[str]], dict[str, Any]] = echo) -> Iterator[Path]:
    """A socket that a thread polls."""
    over = threading.Event()
    with ControlSocket(path) as listener:

        def serve() -> None:
            while not over.wait(0.005):
                listener.poll(obey)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.path
        finally:
            over.set()
            thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's sockets are."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "stampede"


def test_words_go_in_and_answers_come_back(tmp_path: Path) -> None:
    with served(tmp_path / "run.sock") as path:
        assert ask(path, ["rate", "2M"]) == {"words": ["rate", "2M"]}
        assert ask(path, ["no"]) == {"error": "no means no"}

    assert not path.exists()
    with pytest.raises(PreflightError, match=r"^no run of yours is under way at --control .*run\.sock$"):
        ask(path, ["status"])


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"rate 2M\n", b"[]\n", b"[1]\n", b'{"rate": 1}\n', b"\xff" * 5000, b"[" * 4096]
)
def test_nonsense_is_answered_with_an_example(tmp_path: Path, line: bytes) -> None:
    with served(tmp_path / "run.sock") as path:
        assert "like" in json.loads(raw(path, line))["error"]


@given(line=st.binary(max_size=200))
def test_no_bytes_upset_it(line: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("control") / "run.sock") as path:
        assert json.loads(raw(path, line + b"\n"))
        assert ask(path, ["still", "there"])["words"] == ["still", "there"]


def raw(path: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(line)
        client.shutdown(socket.SHUT_WR)
        return client.recv(65536)


def test_one_who_says_nothing_holds_nobody_up(tmp_path: Path) -> None:
    with served(tmp_path / "run.sock") as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.connect(str(path))
        assert ask(path, ["status"]) == {"words": ["status"]}


def test_it_is_the_user_s_alone(folder: Path) -> None:
    with ControlSocket(None) as listener:
        assert listener.path == folder / f"{os.getpid()}.sock"
        assert stat.S_IMODE(listener.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_others_can_use_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(PreflightError, match="not a folder of yours alone"):
        control_folder()


def test_a_link_in_its_place_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PreflightError, match="not a folder of yours alone"):
        control_folder()


@pytest.mark.parametrize("name", ["there", "no/such/folder/run.sock", "x" * 200])
def test_a_place_that_can_not_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(PreflightError, match="name a new file"):
        ControlSocket(tmp_path / name)
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["run.sock", None])
def test_a_socket_that_a_killed_run_left_is_replaced(tmp_path: Path, name: str | None) -> None:
    path = tmp_path / name if name else control_folder() / f"{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with served(path if name else None) as found:
        assert found == path
        assert ask(path, ["status"]) == {"words": ["status"]}
        with pytest.raises(PreflightError, match="File exists"):  # somebody listens on it now
            ControlSocket(path)
        assert ask(path, ["status"]) == {"words": ["status"]}


def test_the_only_run_is_found_and_a_dead_one_s_socket_is_no_run(folder: Path) -> None:
    with pytest.raises(PreflightError, match="^no run of yours is under way$"):
        find_run(None)
    folder.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(folder / "1.sock"))
        dead.listen()
    with pytest.raises(PreflightError, match="^no run of yours is under way$"):
        find_run(None)
    assert (folder / "1.sock").exists()  # who only asks removes nothing
    with served(None) as path:
        assert find_run(None) == find_run(os.getpid()) == path
        assert list(folder.iterdir()) == [path]
        with pytest.raises(PreflightError, match="^no run of yours is under way with --pid 1$"):
            find_run(1)


def test_a_socket_that_does_not_listen_yet_has_no_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for runs at that instant finds none, and takes none for dead."""
    seen: list[list[Path]] = []

    def look(listener: socket.socket) -> Clients:
        with pytest.raises(PreflightError, match="^no run of yours is under way$"):
            find_run(None)
        seen.append(list(folder.glob("*.sock")))
        return Clients(listener)

    monkeypatch.setattr(run_socket, "Clients", look)
    with served(None) as path:
        assert find_run(None) == path
    assert seen == [[]]
    assert list(folder.iterdir()) == []


def test_a_living_run_that_took_a_dead_one_s_name_meanwhile_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs find the same dead socket; one is faster, and the other must not remove it."""
    path = tmp_path / "run.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    abandoned, taken = run_socket._abandoned, []

    def overtaken(path: Path) -> bool:
        found = abandoned(path)
        monkeypatch.setattr(run_socket, "_abandoned", abandoned)
        taken.append(run_socket.ControlSocket(path))
        return found

    monkeypatch.setattr(run_socket, "_abandoned", overtaken)
    with pytest.raises(PreflightError, match="File exists"):
        ControlSocket(path)
    (living,) = taken
    with living:
        assert not abandoned(path)
        assert list(tmp_path.iterdir()) == [path]
    assert list(tmp_path.iterdir()) == []


def test_another_s_socket_in_its_place_outlives_it(tmp_path: Path) -> None:
    path = tmp_path / "run.sock"
    with ControlSocket(path):
        path.unlink()
        other = ControlSocket(path)
    with other:
        assert list(tmp_path.iterdir()) == [path]


def test_a_long_folder_is_no_hindrance_as_long_as_its_socket_can_be_reached(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * (100 - len(str(tmp_path))))
    folder.mkdir()
    with served(folder / "run.s") as path:
        assert len(str(path)) > 105
        assert ask(path, ["status"]) == {"words": ["status"]}


def test_a_file_that_is_no_socket_is_no_run_and_stays(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "1.sock").write_text("mine")
    with pytest.raises(PreflightError, match="^no run of yours is under way$"):
        find_run(None)
    assert (folder / "1.sock").read_text() == "mine"


def test_of_several_runs_one_must_be_named(folder: Path) -> None:
    with served(folder.parent / "other.sock") as other, served(None):
        other.rename(folder / "77.sock")
        with pytest.raises(InputError, match=rf"77, {os.getpid()}|{os.getpid()}, 77"):
            find_run(None)
        assert find_run(77) == folder / "77.sock"
        (folder / "77.sock").unlink()
