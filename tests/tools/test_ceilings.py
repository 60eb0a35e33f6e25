"""The ceiling in C: it sends what it is given, and what keeps it from being measured is said."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.network.programs import free_ports
from tools.benchmarks import ceilings
from tools.benchmarks.ceilings import compiled, sent_eps, written_trains
from tools.benchmarks.figures import Missing
from tools.benchmarks.programs import capture_of

BATCH = 2
LANES = 2
SECONDS = 0.2


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    return compiled(tmp_path_factory.mktemp("ceiling") / "ceiling")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return open_capture(capture_of(tmp_path_factory.mktemp("ceiling"), "2k"))


def neighbours() -> int:
    """The first of LANES free ports in a row."""
    while True:
        first = min(free_ports(LANES))
        try:
            with ExitStack() as stack:
                list(listeners(stack, first))
        except OSError:
            continue
        return first


def listeners(stack: ExitStack, first: int) -> Iterator[socket.socket]:
    for port in range(first, first + LANES):
        receiver = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.settimeout(5)
        receiver.bind(("127.0.0.1", port))
        yield receiver


@pytest.mark.parametrize("where", ["copy", "place"])
@pytest.mark.parametrize("how", ["gso", "single"])
def test_it_sends_the_trains_of_the_capture_to_the_ports_in_turn(
    program: Path, capture: Capture, tmp_path: Path, how: str, where: str
) -> None:
    trains, first = written_trains(capture.path, tmp_path / "trains"), neighbours()
    line = [program, trains, "127.0.0.1", first, LANES, SECONDS, BATCH, how, where]
    with ExitStack() as stack:
        receivers = list(listeners(stack, first))
        rate_eps = sent_eps([*map(str, line)], SECONDS)
        arrived = [[receiver.recv(65536) for _ in range(200)] for receiver in receivers]
    assert rate_eps > 200 * LANES / SECONDS / 10
    lines, counts = list(capture.lines()), [int(row["count"]) for row in capture.trains]
    for lane, datagrams in enumerate(arrived):
        due: list[bytes] = []
        for train in range(lane, len(counts), LANES):
            start = sum(counts[:train])
            due += lines[start : start + counts[train]]
        assert datagrams == due[:200]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x0a\0\0\0\x14\0\0\0" + bytes(19), "train 0 is not sound"),
        (b"\0\0\0\0\x14\0\0\0" + bytes(20), "train 0 is not sound"),
        (b"\x0a\0\0\0\xff\xff\xff\xff" + bytes(20), "train 0 is not sound"),
    ],
)
def test_it_refuses_trains_that_are_none(program: Path, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "trains").write_bytes(content)
    line = [*map(str, (program, tmp_path / "trains", "127.0.0.1", 5514, 1, 1, 1, "gso", "copy"))]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    with pytest.raises(Missing, match=said):
        sent_eps(line, 1)


def test_without_a_compiler_it_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ceilings.shutil, "which", lambda _: None)
    with pytest.raises(Missing, match="no C compiler"):
        compiled(tmp_path / "ceiling")
