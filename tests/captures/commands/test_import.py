"""`captures import` as a user calls it: what is said, what is kept, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.format.reader import open_capture
from tests import forks
from tests.captures.packets.plain import pcap_header, pcap_record
from tests.captures.recorded import OTHERS, datagram, incident, recorded, text_of
from tests.disks import disk_of
from tools.command_line import command

EVENTS = 200
TIMEOUT_S = 300
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}


@pytest.fixture
def pcap(tmp_path: Path) -> Path:
    """200 events."""
    return incident(tmp_path / "tuesday.pcap", EVENTS)


def call(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return forks.call("captures", "import", *words, folder=folder, timeout_s=TIMEOUT_S)


def said(stderr: str) -> list[str]:
    """The lines on stderr, but for what is said where nothing is compiled yet; the answer of several lines is one."""
    lines: list[str] = []
    for line in stderr.splitlines():
        if line.startswith("    "):
            lines[-1] += " " + line.strip()
        elif not line.startswith("compiling "):
            lines.append(line)
    return lines


def fails(code: int, folder: Path, *words: object) -> str:
    """The one line of an import that must fail, and that leaves nothing behind."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = call(folder, *words)
    assert (done.returncode, done.stdout, len(said(done.stderr))) == (code, "", 1), done.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    return said(done.stderr)[0]


def texts(path: Path) -> list[bytes]:
    return list(open_capture(path).lines())


def test_super_packets_are_named_and_cut_on_request(tmp_path: Path) -> None:
    events = [text_of(number) for number in range(10)]
    recorded(tmp_path / "a.pcap", [datagram(b"".join(events)), datagram(text_of(10))])
    whole = call(tmp_path, "a.pcap", "-o", "a.rcap")
    assert said(whole.stderr)[0].startswith("in 1 of the datagrams are several events")
    assert "--split-trains" in said(whole.stderr)[0]
    cut = call(tmp_path, "a.pcap", "-o", "b.rcap", "--split-trains", "--json")
    assert json.loads(cut.stdout)["packets"]["split"] is True
    assert texts(tmp_path / "b.rcap") == [*events, text_of(10)]
    line = fails(2, tmp_path, "a.pcap", "-o", "c.rcap", "--lines", "--split-trains")
    assert line.startswith("captures: --split-trains is for packets")


def test_an_import_tells_what_it_did(pcap: Path) -> None:
    done = call(pcap.parent, pcap.name, "-o", "a.rcap", "--json")
    figures = json.loads(done.stdout)
    assert (done.returncode, figures["schema"], figures["events"], figures["hosts"]) == (0, 1, EVENTS, 4)
    assert (figures["sources"], figures["broken"], figures["left_out"]) == (["tuesday.pcap"], [], {})
    (line,) = said(done.stderr)
    assert line.startswith(f"a.rcap: {EVENTS} events in 1.99s, ")
    assert "all with live stamps; 4 hosts" in line
    capture = open_capture(pcap.parent / "a.rcap")
    assert (capture.digest, list(capture.lines())) == (figures["digest"], [text_of(i) for i in range(EVENTS)])
    assert capture.note["figures"]["events"] == EVENTS


def test_line_feeds_at_the_end_of_events_are_kept_told_and_not_doubled(tmp_path: Path) -> None:
    ended = text_of(0) + b"\n"
    recorded(tmp_path / "a.pcap", [datagram(ended), datagram(text_of(1)), datagram(b"<13>\n")])
    done = call(tmp_path, "a.pcap", "-o", "a.rcap")
    assert "; 2 end with a line feed, and keep it; " in said(done.stderr)[-1]
    assert texts(tmp_path / "a.rcap") == [ended, text_of(1), b"<13>\n"]
    expected = (ended + text_of(1) + b"\n<13>\n").decode()
    for words in (("print", "a.rcap"), ("export", "a.rcap", "-o", "-", "--format", "lines")):
        shown = forks.call("captures", *words, folder=tmp_path, timeout_s=TIMEOUT_S)
        assert shown.stdout == expected, shown.stderr


def test_what_is_left_out_is_printed_and_noted(tmp_path: Path) -> None:
    frames = [datagram(text_of(0)), *OTHERS, datagram(text_of(1), port=515), OTHERS[0], datagram(b"no stamp")]
    recorded(tmp_path / "a.pcap", frames)
    done = call(tmp_path, "a.pcap", "-o", "a.rcap", "--ports", "514")
    left_out = {"ARP": 2, "TCP segments without data": 1, "other ports": 1}
    told = ["2 ARP", "1 TCP segment without data", "1 other ports"]
    assert said(done.stderr)[:-1] == [f"left out: {each}" for each in told]
    assert "1 without a known stamp is sent as it is" in said(done.stderr)[-1]
    assert open_capture(tmp_path / "a.rcap").note["left_out"] == left_out


@pytest.mark.parametrize("cut", [1, 30, 5_000])
def test_the_sound_part_of_a_cut_file_is_kept(pcap: Path, cut: int) -> None:
    data = pcap.read_bytes()
    pcap.write_bytes(data[:-cut])
    line = fails(1, pcap.parent, pcap.name, "-o", "a.rcap", "--strict")
    assert line.startswith("captures: tuesday.pcap: byte ")
    done = call(pcap.parent, pcap.name, "-o", "a.rcap", "--json")
    assert (done.returncode, said(done.stderr)[0]) == (1, line.removeprefix("captures: "))
    assert json.loads(done.stdout)["broken"] == [line.removeprefix("captures: ")]
    kept = texts(pcap.parent / "a.rcap")
    whole = [text_of(i) for i in range(EVENTS)]
    assert kept == whole[: len(kept)]
    assert len(kept) >= EVENTS - 1 - cut // 60
    assert open_capture(pcap.parent / "a.rcap").note["broken_sources"] == 1


def test_where_there_is_no_event_the_reason_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").write_bytes(b"")
    assert "no event was found; the sources are empty" in fails(2, tmp_path, "empty.pcap", "-o", "a.rcap")
    recorded(tmp_path / "other.pcap", OTHERS)
    line = fails(2, tmp_path, "other.pcap", "-o", "a.rcap")
    assert line.endswith("no event was found; 1 ARP; 1 TCP segment without data")
    cut = recorded(tmp_path / "cut.pcap", OTHERS[:1]).read_bytes()[:-1]
    (tmp_path / "cut.pcap").write_bytes(cut)
    assert "no event was found; cut.pcap: byte " in fails(2, tmp_path, "cut.pcap", "-o", "a.rcap")
    (tmp_path / "text").write_text("text\n")
    assert "text: this is neither pcap nor pcapng" in fails(2, tmp_path, "text", "-o", "a.rcap")
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "no file is there" in fails(2, tmp_path, "folder", "-o", "a.rcap")
    (folder / "text").write_text("text\n")
    assert "folder/text is neither pcap nor pcapng" in fails(2, tmp_path, "folder", "-o", "a.rcap")
    assert "No such file" in fails(2, tmp_path, "none.pcap", "-o", "a.rcap")


def test_a_folder_may_hold_other_things(pcap: Path) -> None:
    folder = pcap.parent / "folder"
    (folder / "below").mkdir(parents=True)
    pcap.rename(folder / "below" / "b.pcap")
    (folder / "notes.txt").write_text("notes\n")
    (folder / ".hidden").write_text("hidden\n")
    done = call(pcap.parent, "folder", "-o", "a.rcap", "--json")
    assert (done.returncode, json.loads(done.stdout)["skipped"]) == (0, ["folder/notes.txt"])
    assert said(done.stderr)[0] == "folder/notes.txt: left out: this is neither pcap nor pcapng"
    assert len(texts(pcap.parent / "a.rcap")) == EVENTS


def test_sources_that_overlap_in_time_are_said_to_be_for_merge(pcap: Path) -> None:
    incident(pcap.parent / "other.pcap", EVENTS + 1)
    done = call(pcap.parent, pcap.name, "other.pcap", "-o", "a.rcap", "--json")
    assert json.loads(done.stdout)["source_events"] == [EVENTS + 1, EVENTS]
    assert any("are of the same time" in line and "captures merge" in line for line in said(done.stderr))


def test_what_is_held_back_is_of_the_last_file_that_was_read(pcap: Path) -> None:
    (pcap.parent / "logs").mkdir()
    pcap.rename(pcap.parent / "logs" / "a.pcap")
    (pcap.parent / "logs" / "z.txt").write_text("no packets\n")
    done = call(pcap.parent, "logs", "-o", "a.rcap", "--json")
    assert json.loads(done.stdout)["source_events"] == [EVENTS, 0]


def test_logs_that_overlap_in_time_are_said_to_be_for_merge(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(f"2025-08-30T10:15:30Z {name}\n2025-08-30T10:15:40Z {name}\n")
    done = call(tmp_path, "a.log", "b.log", "-o", "a.rcap", "--lines")
    assert "by 10s at most (where sources overlap" in " ".join(said(done.stderr))


def test_a_file_that_is_named_twice_is_read_once(pcap: Path) -> None:
    (pcap.parent / "link.pcap").symlink_to(pcap.name)
    done = call(pcap.parent, pcap.name, "link.pcap", pcap, "-o", "a.rcap", "--json")
    assert json.loads(done.stdout)["repeated"] == ["link.pcap", str(pcap)]
    assert said(done.stderr)[0] == "link.pcap: read once, though it was found twice"
    assert len(texts(pcap.parent / "a.rcap")) == EVENTS


def test_no_file_is_replaced_unasked_and_no_source_ever(pcap: Path) -> None:
    (pcap.parent / "a.rcap").write_text("mine")
    assert "exists already" in fails(2, pcap.parent, pcap.name, "-o", "a.rcap")
    for force in ((), ("--force",)):
        assert "this is the file that is read" in fails(2, pcap.parent, pcap.name, "-o", pcap.name, *force)
    assert call(pcap.parent, pcap.name, "-o", "a.rcap", "--force").returncode == 0
    assert len(texts(pcap.parent / "a.rcap")) == EVENTS


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--from", "2025-08-30T10:15:31Z", "--to", "2025-08-30T10:15:30Z"), "--from is not before --to"),
        (("--lines", "--ports", "514"), "--ports is for packets"),
        (("--lines", "--host", "198.18.0.1"), "--host is for packets"),
        (("--lines", "--keep-cut"), "--keep-cut is for packets"),
        (("--lines", "--journal"), "give one of them"),
        (("--eps", "10k"), "--eps is for text; say --lines, too"),
        (("--header", "rfc3164"), "--header is for text; say --lines, too"),
        (("--pri", "13"), "--pri is of the header that --header writes"),
        (("--lines", "--hostname", "web1"), "--hostname is of the header that --header rfc3164"),
        (("--json-field", "m", "--tag", "app"), "--tag is of the header that --header rfc3164"),
        (("--journal", "--header", "rfc5424", "--tag", "x"), "--tag is of the header that --header rfc3164"),
        (("--lines", "--eps", "0"), "no rate"),
        (("--lines", "--header", "rfc3164", "--hostname", "a\nb"), "'a\\nb' can't stand in a header"),
        (("--lines", "--header", "rfc3164", "--hostname", "a b"), "can't stand in a header"),
        (("--lines", "--header", "rfc5424", "--hostname", "é"), "can't stand in a header"),
        (("--lines", "--header", "rfc5424", "--hostname", "x" * 256), "can't stand in a header"),
        (("--lines", "--header", "rfc3164", "--tag", ""), "can't stand in a header"),
        (("--lines", "--header", "rfc3164", "--tag", "x" * 33), "it has 32 letters at most"),
        (("--lines", "--header", "rfc5424", "--tag", "x" * 49), "it has 48 letters at most"),
        (("--from", "2300-01-01T00:00:00Z"), "not within the years 1970 to 2261"),
        (("--to", "1969-12-31T23:59:59Z"), "not within the years 1970 to 2261"),
        (("--from", "1s"), "'1s' is no instant with its date and zone"),
        (("--ports", "70000"), "--ports"),
        (("--host", "web1"), "--host"),
    ],
)
def test_flags_that_can_not_be(pcap: Path, flags: Sequence[str], complaint: str) -> None:
    assert complaint in fails(2, pcap.parent, pcap.name, "-o", "a.rcap", *flags)


def test_a_zone_is_of_the_stamps_in_packets_too(pcap: Path) -> None:
    assert call(pcap.parent, pcap.name, "-o", "a.rcap", "--zone", "+02:00").returncode == 0
    capture = open_capture(pcap.parent / "a.rcap")
    assert set(capture.trains["zone_minutes"].tolist()) == {120}
    assert capture.note["options"]["zone"] == "+02:00"


@pytest.mark.parametrize(("header", "longest"), [("rfc3164", 32), ("rfc5424", 48)])
def test_the_longest_names_stand_in_a_header(tmp_path: Path, header: str, longest: int) -> None:
    (tmp_path / "a.log").write_text("x\n")
    words = ("--lines", "--header", header, "--tag", "t" * longest, "--hostname", "h" * 255)
    assert call(tmp_path, "a.log", "-o", "a.rcap", *words).returncode == 0
    (text,) = texts(tmp_path / "a.rcap")
    assert b" " + b"h" * 255 + b" " + b"t" * longest in text


def test_events_that_a_snaplen_cut_are_counted_by_themselves(tmp_path: Path) -> None:
    frames = [datagram(text_of(number)) for number in range(3)]
    records = [pcap_record(frames[0]), *(pcap_record(frame[:-5], original=len(frame)) for frame in frames[1:])]
    (tmp_path / "a.pcap").write_bytes(pcap_header() + b"".join(records))
    figures = json.loads(call(tmp_path, "a.pcap", "-o", "a.rcap", "--json").stdout)
    assert (figures["events"], figures["cut_events"], figures["left_out"]) == (1, 0, {"cut by the snaplen": 2})
    done = call(tmp_path, "a.pcap", "-o", "b.rcap", "--json", "--keep-cut")
    figures = json.loads(done.stdout)
    assert (figures["events"], figures["cut_events"], figures["left_out"]) == (3, 2, {})
    assert figures["source_events"] == [3]
    assert "2 cut by the snaplen, and kept so" in said(done.stderr)[-1]


def test_a_full_disk_is_said_and_nothing_stays(pcap: Path) -> None:
    with disk_of("48k", pcap.parent) as disk:
        done = call(pcap.parent, pcap.name, "-o", disk / "a.rcap")
        assert (done.returncode, len(said(done.stderr))) == (3, 1), done.stderr
        assert "full" in done.stderr
        assert list(disk.iterdir()) == []


def test_a_closed_stdout_is_said(pcap: Path) -> None:
    line = [
        "sh",
        "-c",
        'exec "$@" >&-',
        "sh",
        *command("captures", "import", pcap, "-o", pcap.with_suffix(".rcap"), "-j"),
    ]
    done = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, said(done.stderr)[-1]) == (4, "captures: stdout can't be written: Bad file descriptor")
    assert len(texts(pcap.with_suffix(".rcap"))) == EVENTS


def long(path: Path) -> Path:
    """A file whose import takes a second or more."""
    data = incident(path, EVENTS).read_bytes()
    path.write_bytes(data[:24] + data[24:] * 10_000)
    return path


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    path = long(tmp_path / "long.pcap")
    line = command("captures", "import", path, "-o", tmp_path / "a.rcap")
    with subprocess.Popen(line, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        await_reading(process, path)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, said(stderr)) == (130, ["captures: interrupted"])
    assert list(tmp_path.iterdir()) == [path]


def await_reading(process: "subprocess.Popen[str]", path: Path, beyond: int = 1 << 22) -> None:
    """Wait until a process has read a part of a file."""
    for _ in range(TIMEOUT_S * 20):
        assert process.poll() is None
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                if fd.readlink() == path:
                    place = int((fd.parents[1] / "fdinfo" / fd.name).read_text().split()[1])
                    if place >= beyond:
                        return
            except FileNotFoundError:
                continue
        time.sleep(0.05)
    raise TimeoutError(path)


WRITER = """
import signal, sys
first = open(sys.argv[1], "rb").read()
half = int(sys.argv[2])
out = sys.stdout.buffer
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
out.write(first[:half])
out.flush()
print("written", file=sys.stderr, flush=True)
signal.sigwait([signal.SIGINT])
if sys.argv[3] == "ends":
    out.write(first[half:])
    out.flush()
else:
    signal.sigwait([signal.SIGTERM])
"""
"""Like tcpdump: it holds packets back, and writes them when it is interrupted."""


@contextmanager
def pipeline(
    pcap: Path, half: int, then: str, *flags: str
) -> Iterator[tuple["subprocess.Popen[bytes]", "subprocess.Popen[str]"]]:
    """A writer and an import that have read the first part, as `writer | captures import -`."""
    words = [sys.executable, "-c", WRITER, str(pcap), str(half), then]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        line = command("captures", "import", "-", "-o", pcap.with_suffix(".rcap"), "--json", *flags)
        pipes = {"stdin": writer.stdout, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(line, env=ENVIRONMENT, text=True, **pipes) as process:  # type: ignore[call-overload]
            assert writer.stdout is not None
            assert writer.stderr is not None
            writer.stdout.close()
            try:
                writer.stderr.readline()
                await_held(process)
                yield writer, process
            finally:
                writer.kill()
                process.kill()


def await_held(process: "subprocess.Popen[str]") -> None:
    """Wait until the import reads its pipe: then it has opened it a second time."""

    def pipes() -> int:
        links = []
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                links.append(str(fd.readlink()))
            except FileNotFoundError:
                continue
        return links.count(str(Path(f"/proc/{process.pid}/fd/0").readlink()))

    for _ in range(TIMEOUT_S * 20):
        assert process.poll() is None
        if pipes() > 1:
            time.sleep(0.5)  # a fork that compiles may have it, too, for the blink of an eye
            return
        time.sleep(0.05)
    raise TimeoutError("the import does not read")


def test_ctrl_c_ends_a_pipe_and_keeps_all_that_was_recorded(pcap: Path) -> None:
    with pipeline(pcap, pcap.stat().st_size // 2, "ends") as (writer, process):
        for each in (process, writer):
            each.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    figures = json.loads(stdout)
    assert (process.returncode, figures["events"], figures["interrupted"], figures["broken"]) == (130, EVENTS, True, [])
    assert said(stderr)[-1] == "interrupted; what was read until then is in the capture"
    assert open_capture(pcap.with_suffix(".rcap")).note["interrupted"]
    assert texts(pcap.with_suffix(".rcap")) == [text_of(i) for i in range(EVENTS)]


def test_ctrl_c_ends_a_pipe_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    path.write_bytes(b"".join(text_of(i) + b"\n" for i in range(EVENTS)))
    with pipeline(path, path.stat().st_size // 2, "ends", "--lines") as (writer, process):
        for each in (process, writer):
            each.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, json.loads(stdout)["interrupted"]) == (130, True)
    assert texts(path.with_suffix(".rcap")) == [text_of(i) for i in range(EVENTS)]


@pytest.mark.parametrize("signals", [1, 2])
def test_a_pipe_whose_writer_goes_on_is_ended_all_the_same(pcap: Path, signals: int) -> None:
    with pipeline(pcap, pcap.stat().st_size // 2, "stays") as (_, process):
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        stdout, _ = process.communicate(timeout=TIMEOUT_S)
    kept = texts(pcap.with_suffix(".rcap"))
    assert (process.returncode, json.loads(stdout)["events"]) == (130, len(kept))
    assert EVENTS // 2 - 2 <= len(kept) <= EVENTS // 2
    assert kept == [text_of(i) for i in range(len(kept))]


def test_an_interrupt_before_the_first_packet_leaves_nothing_behind(pcap: Path) -> None:
    with pipeline(pcap, 0, "stays") as (_, process):
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stdout, said(stderr)) == (130, "", ["captures: interrupted"])
    assert not pcap.with_suffix(".rcap").exists()


def on_terminal(*words: object) -> tuple[int, bytes]:
    """How a command ends whose stderr is a terminal, and what that shows."""
    main, terminal = pty.openpty()
    with subprocess.Popen(command("captures", *words), env=ENVIRONMENT | {"TERM": "xterm"}, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        try:
            while more := os.read(main, 1 << 16):
                shown += more
        except OSError:  # as Linux ends it
            pass
        os.close(main)
        return process.wait(TIMEOUT_S), shown


def test_a_terminal_shows_a_bar_over_the_bytes(tmp_path: Path) -> None:
    code, shown = on_terminal("import", long(tmp_path / "long.pcap"), "-o", tmp_path / "a.rcap")
    assert code == 0
    assert b"importing: " in shown
    assert b"%|" in shown


def test_what_the_terminal_is_told_is_harmless(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    incident(folder / "a.pcap", 2)
    (folder / "\x1b[31mred").write_text("x")
    done = call(tmp_path, "folder", "-o", "a.rcap")
    assert (done.returncode, "\x1b" in done.stderr) == (0, False)


def test_lines_without_any_stamp_have_no_instants_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    done = call(tmp_path, "a.log", "-o", "a.rcap", "--lines")
    assert "2 events without instants (--eps and --header give some)" in said(done.stderr)[-1]
