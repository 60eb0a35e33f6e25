"""`captures export` as a user calls it: what is said, what is written, and how it ends."""

import gzip
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import zstandard

from captures.format.layout import TRAIN
from captures.format.writing.stream_writer import StreamWriter
from tests import forks
from tests.captures.commands.test_import import ENVIRONMENT, TIMEOUT_S, long, on_terminal, said
from tests.captures.recorded import incident, text_of
from tests.captures.told import imported
from tests.disks import disk_of
from tools.command_line import command

EVENTS = 200


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with an imported capture, a.rcap."""
    imported(incident(tmp_path / "tuesday.pcap", EVENTS), output=tmp_path / "a.rcap")
    return tmp_path


def call(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return forks.call("captures", "export", *words, folder=folder, timeout_s=TIMEOUT_S)


def fails(code: int, folder: Path, *words: object) -> str:
    """The one line of an export that must fail, and that leaves nothing behind."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = call(folder, *words)
    assert (done.returncode, done.stdout, len(said(done.stderr))) == (code, "", 1), done.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    return said(done.stderr)[0]


def test_an_export_tells_what_it_did(lab: Path) -> None:
    done = call(lab, "a.rcap", "-o", "b.pcap", "--json")
    figures = json.loads(done.stdout)
    assert (done.returncode, figures["schema"], figures["events"]) == (0, 1, EVENTS)
    assert figures["written_bytes"] == (lab / "b.pcap").stat().st_size
    (line,) = said(done.stderr)
    assert line.startswith(f"b.pcap: {EVENTS} events, ")
    assert figures["digest"] in line
    # What was recorded so comes out as it was.
    assert (lab / "b.pcap").read_bytes()[24:] == (lab / "tuesday.pcap").read_bytes()[24:]


@pytest.mark.parametrize(("name", "unpack"), [("b.log.gz", gzip.decompress), ("b.txt", bytes), ("b.log.zst", None)])
def test_text_is_an_event_a_line(lab: Path, name: str, unpack: object) -> None:
    assert call(lab, "a.rcap", "-o", name, "--range", "3-5").returncode == 0
    unpack = unpack or (lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data))
    assert unpack((lab / name).read_bytes()) == b"".join(text_of(i) + b"\n" for i in (3, 4, 5))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("a.rcap", "-o", "b.doc"), "say --format pcap, pcapng or lines"),
        (("a.rcap", "-o", "b.gz"), "say --format pcap, pcapng or lines"),
        (("a.rcap", "-o", "tuesday.pcap"), "exists already"),
        (("a.rcap", "-o", "a.rcap", "--format", "pcap", "--force"), "this is the file that is read"),
        (("a.rcap", "-o", "b.pcap", "--range", "200-"), "--range"),
        (("a.rcap", "-o", "b.pcap", "--range", "200-201"), "has the events 0 to 199"),
        (("a.rcap", "-o", "b.pcap", "--source", "2001:2::1"), "of IPv4 and of IPv6"),
        (("a.rcap", "-o", "-", "--format", "pcap", "--json"), "stdout has the events already"),
        (("a.rcap", "-o", "b.pcap", "--eps", "0"), "'0' is no rate, since no event would ever come"),
        (("a.rcap", "-o", "b.pcap", "--lines", "--format", "pcap"), "--lines and --format pcap: give one of them"),
        (("a.rcap", "-o", "b.pcap", "--lines", "--vlan", "5"), "--vlan: is for packets"),
        (("a.rcap", "-o", "b.log", "--source-port", "5"), "--source-port: is for packets"),
        (("a.rcap", "-o", "b.x", "--format", "lines", "--eps", "5"), "--eps: is for packets"),
        (("tuesday.pcap", "-o", "b.pcap"), "this is not an .rcap capture"),
        (("none.rcap", "-o", "b.pcap"), "can't be opened"),
        (("a.rcap", "-o", "none/b.pcap"), "can't be written: No such file or directory"),
    ],
)
def test_what_can_not_be_is_said_in_a_line(lab: Path, words: Sequence[str], complaint: str) -> None:
    assert complaint in fails(2, lab, *words)


def test_a_damaged_capture_is_not_exported(lab: Path) -> None:
    data = bytearray((lab / "a.rcap").read_bytes())
    data[100] ^= 1
    (lab / "a.rcap").write_bytes(data)
    assert "damaged" in fails(2, lab, "a.rcap", "-o", "b.pcap")


@pytest.mark.parametrize("name", ["b.pcap", "b.pcapng", "b.log"])
def test_a_full_disk_is_said_and_nothing_stays(lab: Path, name: str) -> None:
    with disk_of("4k", lab) as disk:
        done = call(lab, "a.rcap", "-o", disk / name)
        assert (done.returncode, len(said(done.stderr))) == (3, 1), done.stderr
        assert f"{name}: the disk is full" in done.stderr
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("name", ["b.pcap.gz", "b.pcap.zst"])
def test_a_disk_that_is_full_of_what_is_packed(lab: Path, name: str) -> None:
    noise = lab / "noise.rcap"
    noisy(noise)
    with disk_of("64k", lab) as disk:
        done = call(lab, noise, "-o", disk / name, "--eps", "1k")
        assert (done.returncode, len(said(done.stderr))) == (3, 1), done.stderr
        assert list(disk.iterdir()) == []


def test_a_limit_on_files_ends_in_a_line_that_names_the_file(lab: Path) -> None:
    noisy(lab / "noise.rcap")
    words = command("captures", "export", "noise.rcap", "-o", "b.pcap", "--eps", "1k")
    line = ["prlimit", "--fsize=1000000", *words]  # room for what coverage writes, and not for the packets
    done = subprocess.run(
        line, cwd=lab, env=ENVIRONMENT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    told = "captures: b.pcap: no file of this size can be written there (ulimit -f, or the file system)"
    assert (done.returncode, said(done.stderr)[-1]) == (4, told)  # code that is compiled may find the limit as well


def noisy(path: Path) -> None:
    """A capture that can't be packed."""
    trains = np.zeros(1000, TRAIN)
    trains["count"], trains["length"] = 1, 1000
    with StreamWriter(path) as writer:
        writer.add(trains, np.random.default_rng(7).integers(0, 256, 1_000_000, np.uint8))
        writer.finish(start_ns=0, note={})


def piped(folder: Path, script: str) -> subprocess.CompletedProcess[bytes]:
    """A pipeline of bash(1) in which $EXPORT is the command; exit codes of all parts stand on the last line."""
    line = " ".join(f"'{word}'" for word in command("captures", "export"))
    text = f'{line} "$@"'
    whole = f"export_() {{ {text}; }}; {script}; echo ${{PIPESTATUS[*]}} >&2"
    return subprocess.run(
        ["bash", "-c", whole], cwd=folder, env=ENVIRONMENT, capture_output=True, timeout=TIMEOUT_S, check=False
    )


def test_a_reader_of_stdout_may_leave(lab: Path) -> None:
    noisy(lab / "noise.rcap")
    for name in ("pcap", "pcapng"):
        done = piped(lab, f"export_ noise.rcap -o - --format {name} --eps 1k | head -c 100")
        assert (len(done.stdout), said(done.stderr.decode())) == (100, ["4 0"])


def test_a_full_or_closed_stdout_is_said(lab: Path) -> None:
    done = piped(lab, "export_ a.rcap -o - --lines > /dev/full")
    assert said(done.stderr.decode()) == ["captures: stdout: the disk is full; free some, or write less", "3"]
    done = piped(lab, "export_ a.rcap -o - --lines >&-")
    assert said(done.stderr.decode()) == ["captures: stdout can't be written: Bad file descriptor", "4"]


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_tcpdump_reads_what_is_piped_to_it(lab: Path) -> None:
    done = piped(lab, "export_ a.rcap -o - --format pcap | tcpdump -r - -n -q 2>/dev/null")
    assert done.stdout.count(b"UDP") == EVENTS
    assert said(done.stderr.decode())[-1] == "0 0"


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    _, capture = imported(long(tmp_path / "long.pcap"), output=tmp_path / "a.rcap")
    (tmp_path / "long.pcap").unlink()
    line = command("captures", "export", capture.path, "-o", tmp_path / "b.pcap.gz")
    with subprocess.Popen(line, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        await_writing(process, tmp_path)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, said(stderr)) == (130, ["captures: interrupted"])
    assert list(tmp_path.iterdir()) == [capture.path]
    code, shown = on_terminal("export", capture.path, "-o", tmp_path / "b.pcap")
    assert (code, b"exporting: " in shown) == (0, True)


def await_writing(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Wait until a process has written to a file without a name in a folder."""
    for _ in range(TIMEOUT_S * 20):
        assert process.poll() is None
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                if str(fd.readlink()).startswith(f"{folder}/#") and fd.stat().st_size > 100_000:
                    return
            except FileNotFoundError:
                continue
        time.sleep(0.02)
    raise TimeoutError(folder)
