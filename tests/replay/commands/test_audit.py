"""`replay audit` as a user calls it: what it takes, what it says, and how it ends."""

import bz2
import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import zstandard

from captures.console.errors import ExitCode
from captures.format.tags import BLANK, tag_text
from tests.forks import fork
from tests.network.programs import command, eventually
from tests.replay.audit.texts import document, structured, suffixed

RUN, OTHER = 0x1F3A9C07, 0x0A0B0C0D
TIMEOUT_S = 60


def lines(port: int, *numbers: int, run: int = RUN) -> bytes:
    return b"".join(suffixed(tag_text(run, port, number)) + b"\n" for number in numbers)


def audit(folder: Path, *words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    forked = fork("replay", "audit", *words)
    return subprocess.run(**forked, cwd=folder, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False)


def sent_json(folder: Path, sent_events: dict[int, int], **more: Any) -> Path:
    path = folder / "sent.json"
    parts = [{"port": port, "sent_events": events} for port, events in sent_events.items()]
    path.write_text(json.dumps({"run_id": f"{RUN:08x}", "lanes": parts} | more))
    return path


def test_several_files_are_one_collection(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, 0, 1) + b"else\n" + lines(515, 0) + lines(514, 9, run=OTHER))
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(lines(514, 3, 4)))
    (tmp_path / "c.zst").write_bytes(zstandard.compress(document(structured(tag_text(RUN, 514, 2))) + b"\n"))
    done = audit(tmp_path, "a.log", "b.log.gz", "c.zst", "-", "--json", "--report", "r.json", stdin=lines(515, 0, 2))
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert json.loads((tmp_path / "r.json").read_text()) == report
    assert (report["kind"], report["run_id"]) == ("audit", "1f3a9c07")
    assert report["files"] == ["a.log", "b.log.gz", "c.zst", "-"]
    assert (report["lines"], report["tagged_lines"], report["untagged_lines"]) == (10, 9, 1)
    assert report["foreign_runs"] == [{"run_id": "0a0b0c0d", "tags": 1}]
    assert [lane["received_events"] for lane in report["lanes"]] == [5, 2]
    assert (report["reordered_events"], report["duplicated_events"], report["lost_events"]) == (1, 1, 1)
    assert b"on port 515 (no. 1)" in done.stderr


def test_all_ranges_of_missing_numbers_are_named_on_request(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(lines(514, *range(0, 100, 2)))
    for words, named in (((), 10), (("--all-ranges",), 49)):
        (lane,) = json.loads(audit(tmp_path, "log", "--json", *words).stdout)["lanes"]
        assert (lane["missing_ranges"], len(lane["missing"])) == (49, named)


def test_with_the_sender_s_report(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, *range(99)) + lines(514, 0, 1, run=OTHER) * 100)
    sent = sent_json(tmp_path, {514: 100, 515: 0})
    assert audit(tmp_path, "a.log", "--sent", sent).returncode == 1
    done = audit(tmp_path, "a.log", "--sent", sent, "--max-loss", "1%")
    assert done.returncode == 0, done.stderr
    assert b"1.00% lost: 1 of 100, on port 514 (no. 99)" in done.stdout
    assert done.stderr == b""


def test_a_run_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, 0, 1, 2) + lines(600, 0, run=OTHER))
    done = audit(tmp_path, "a.log", "--run-id", "0A0B0C0D", "--json")
    assert done.returncode == 0, done.stderr
    assert [lane["port"] for lane in json.loads(done.stdout)["lanes"]] == [600]


@pytest.mark.parametrize(
    ("content", "words", "complaint"),
    [
        (b"one\ntwo\n", (), "none of 2 lines has a tag: was the capture built with --tagged, and does the collector"),
        (b"a stampede=1f3a9c07-15\n", (), "none of 1 line has a whole tag, and 1 with the beginning of one"),
        (b"a stampede=" + BLANK.encode(), (), "all tags are blank"),
        (lines(514, 0), ("--run-id", "0a0b0c0d"), "no event of run 0a0b0c0d is there; there are others: 1f3a9c07"),
        (lines(514, 0), ("--run-id", "0"), "write eight hexadecimal digits"),
        (lines(514, 0), ("--max-loss", "0.5"), "write it like 0.5%"),
        (lines(514, 0), ("--sent", "none.json"), "none.json: No such file"),
        (lines(514, 0), ("--report", "none/r.json"), "can't be written: No such file"),
        (lines(514, 0), ("none.log",), "none.log: No such file"),
        (lines(514, 0), ("--follow", "-"), "- is read to its end in any case; leave out --follow"),
        (lines(514, 0), ("--follow", "/dev/null"), "/dev/null: only a regular file can be followed"),
        (lines(514, 0), ("--settle", "1s"), "--settle says how long --follow waits; give both"),
        (b"".join(lines(514, 0, run=run) * 2 for run in range(1, 200)), (), "tags of more than 64 runs; name the one"),
    ],
)
def test_what_can_t_be_audited_is_one_line(
    tmp_path: Path, content: bytes, words: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "a.log").write_bytes(content)
    done = audit(tmp_path, "a.log", *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(b"\n") == 1
    assert complaint in done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("more", "words", "complaint"),
    [
        ({"run_id": None}, (), "this run had no tags"),
        ({"run_id": 5}, (), "(run_id: Input should be a valid string)"),
        ({"duration_s": 1e400}, (), "not a JSON report"),
        ({"lanes": [{"port": 514, "sent_events": 10**19}]}, (), "(lanes.0.sent_events: Input should be less than"),
        ({"lanes": [{"port": 514, "sent_events": 1}] * 2}, (), "(port 514 stands there twice)"),
        ({"lanes": []}, (), "lanes with the counts port, sent_events"),
        ({}, ("--run-id", "0a0b0c0d"), "this is the report of run 1f3a9c07, and --run-id is another"),
    ],
)
def test_a_report_that_does_not_fit_is_refused(
    tmp_path: Path, more: dict[str, Any], words: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, 0))
    done = audit(tmp_path, "a.log", "--sent", sent_json(tmp_path, {514: 1}, **more), *words)
    assert done.returncode == 2
    assert complaint in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda path: path.write_bytes(b"\x1f\x8b" + b"\xff" * 50), "can't be unpacked: it is damaged"),
    "bomb": (lambda path: path.write_bytes(gzip.compress(bytes(30 << 20)) * 9), "unpacks to more than 500 times its"),
    "bzip2": (lambda path: path.write_bytes(bz2.compress(b"text")), "this is bzip2; unpack it on the way"),
    "UTF-16": (lambda path: path.write_bytes("text".encode("utf-16")), "this is UTF-16"),
    "folder": (Path.mkdir, "Is a directory"),
    "loop": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
}


@pytest.mark.parametrize(("make", "complaint"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_can_t_be_read_does_not_end_the_audit_of_the_others(
    tmp_path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, 0, 1))
    (tmp_path / "z.log").write_bytes(lines(514, 2, 3))
    make(tmp_path / "odd")
    sent = sent_json(tmp_path, {514: 4})
    done = audit(tmp_path, "a.log", "odd", "z.log", "--sent", sent, "--report", "r.json")
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"replay: odd: {complaint}")
    assert done.stderr.count(b"\n") == 1
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["received_events"], report["passed"]) == (4, False)
    (damaged,) = report["damaged_files"]
    assert (damaged["file"], damaged["unreadable"]) == ("odd", True)
    assert damaged["complaint"].startswith(complaint)
    assert b"not all was read: odd can't be; all 4 events of run 1f3a9c07 are there" in done.stdout


def test_a_file_that_never_came_does_not_end_the_audit_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, 0))
    done = audit(tmp_path, "none.log", "a.log", "--follow", "--settle", "10ms", "--report", "r.json")
    assert (done.returncode, done.stderr) == (2, b"replay: none.log: no such file, and none came\n")
    assert json.loads((tmp_path / "r.json").read_text())["received_events"] == 1


def test_an_empty_file_is_all_lost(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"")
    sent = sent_json(tmp_path, {514: 7, 515: 3})
    done = audit(tmp_path, "a.log", "--sent", sent, "--json", "--report", "r.json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert json.loads((tmp_path / "r.json").read_text()) == report
    assert (report["lost_events"], report["loss_percent"], report["passed"]) == (10, 100.0, False)
    assert [lane["lost_events"] for lane in report["lanes"]] == [7, 3]
    assert report["verdict"] == (
        "100.00% lost: nothing of 10 events of run 1f3a9c07 is there, nor any other line"
    )  # fmt: skip
    for words, run in (((), None), (("--run-id", "1f3a9c07"), "1f3a9c07")):
        done = audit(tmp_path, "a.log", "--json", *words)
        assert done.returncode == 1, done.stderr
        report = json.loads(done.stdout)
        assert (report["run_id"], report["loss_percent"], report["sent_events"]) == (run, 100.0, None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"one\ntwo\n", "and none of 2 lines has a whole tag: was the capture built with --tagged, and does the"),
        (lines(514, 0, run=OTHER), "but tags of other runs: 0a0b0c0d"),
        (b"a stampede=" + BLANK.encode(), "but tags that nothing wrote"),
    ],
)
def test_what_is_there_in_place_of_the_run_is_said(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.log").write_bytes(content)
    done = audit(tmp_path, "a.log", "--sent", sent_json(tmp_path, {514: 10}))
    assert done.returncode == 1
    assert "100.00% lost: nothing of 10 events of run 1f3a9c07 is there, " + told in " ".join(
        done.stdout.decode().split()
    )


def test_a_stdin_that_does_not_block_is_read_to_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    program = subprocess.Popen(
        **fork("replay", "audit", "-", "--json"), cwd=tmp_path, stdin=reading, stdout=subprocess.PIPE
    )
    os.close(reading)
    for number in range(20):
        os.write(writing, lines(514, number))
        time.sleep(0.1)
    os.close(writing)
    stdout, _ = program.communicate(timeout=TIMEOUT_S)
    assert json.loads(stdout)["received_events"] == 20


def test_an_audit_that_is_interrupted_reports_what_it_read(tmp_path: Path) -> None:
    program = subprocess.Popen(
        **fork("replay", "audit", "-", "--report", "r.json"), cwd=tmp_path, stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert program.stdin is not None
    program.stdin.write(lines(514, *range(40_000)))
    program.stdin.flush()  # more than a pipe holds, so the audit reads by now
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=TIMEOUT_S) == ExitCode.INTERRUPTED
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["interrupted"], report["lost_events"], report["passed"]) == (True, 0, False)
    assert 0 < report["received_events"] <= 40_000


def test_a_followed_audit_that_is_interrupted_reports_what_it_read(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, *range(10)))
    words = ("a.log", "none.log", "--follow", "--settle", "1h", "--report", "r.json")
    program = subprocess.Popen(**fork("replay", "audit", *words), cwd=tmp_path, stderr=subprocess.PIPE)
    log = tmp_path / "a.log"
    eventually(lambda: (str(log), log.stat().st_size) in read_by(program.pid), "the file read")
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=TIMEOUT_S) == ExitCode.INTERRUPTED
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["interrupted"], report["received_events"]) == (True, 10)
    assert report["followed"] == {"settle_s": 3600.0, "settled": False, "rotations": 0, "truncations": 0}


def read_by(pid: int) -> set[tuple[str, int]]:
    """The files that a process has open, and how far it has read them."""
    return {(file.path, file.position) for file in psutil.Process(pid).open_files()}


def test_a_stdin_that_is_closed_is_one_line(tmp_path: Path) -> None:
    line = ["sh", "-c", 'exec "$@" <&-', "sh", *command("replay", "audit", "-")]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stderr) == (2, b"replay: -: stdin is closed\n")


def test_a_loop_of_links_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for words in ((), ("--follow", "--settle", "10ms")):
        done = audit(tmp_path, "loop", *words)
        assert done.returncode == 2
        assert done.stderr == b"replay: loop: Too many levels of symbolic links\n"


def test_a_collector_that_did_not_flush_yet_is_followed(tmp_path: Path) -> None:
    sent = sent_json(tmp_path, {514: 100, 515: 100})
    log = tmp_path / "a.log"
    content = b"".join(lines(515, number) + lines(514, number) for number in range(100))
    half = len(content) - len(lines(514, 0)) // 3
    log.write_bytes(content[:half])
    early = audit(tmp_path, "a.log", "--sent", sent, "--json")
    assert early.returncode == 1
    assert json.loads(early.stdout)["unfinished_lines"] == 1
    assert "maybe not flushed yet: wait, or use --follow" in json.loads(early.stdout)["verdict"]

    words = ("a.log", "later.log", "--sent", sent, "--follow", "--settle", "3s", "--json")
    program = subprocess.Popen(**fork("replay", "audit", *words), cwd=tmp_path, stdout=subprocess.PIPE)
    time.sleep(1)
    (tmp_path / "later.log").write_bytes(b"of others\n")
    with log.open("ab") as file:
        file.write(content[half:])
    stdout, _ = program.communicate(timeout=TIMEOUT_S)
    report = json.loads(stdout)
    assert (program.returncode, report["received_events"], report["duplicated_events"]) == (0, 200, 0)
    assert report["followed"] == {"settle_s": 3.0, "settled": True, "rotations": 0, "truncations": 0}


def test_a_run_without_an_id_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(514, 0))
    sent = sent_json(tmp_path, {514: 1}, run_id=None)
    assert audit(tmp_path, "a.log", "--sent", sent, "--run-id", "1f3a9c07").returncode == 0


@pytest.mark.parametrize("second", ["a.log", "./a.log", "hard.log", "soft.log", "-"])
def test_a_file_that_is_named_twice_is_refused(tmp_path: Path, second: str) -> None:
    """Its events would be duplicates of their own."""
    (tmp_path / "a.log").write_bytes(lines(514, *range(10)))
    (tmp_path / "hard.log").hardlink_to(tmp_path / "a.log")
    (tmp_path / "soft.log").symlink_to("a.log")
    with (tmp_path / "a.log").open("rb") as stdin:
        done = subprocess.run(
            **fork("replay", "audit", "a.log", second), cwd=tmp_path, stdin=stdin, capture_output=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (ExitCode.USAGE, b"", 1)
    assert b"this is the same file as a.log; name it once" in done.stderr
