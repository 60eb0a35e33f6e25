"""A capture comes from a store that may be broken, slow or hostile: whole and proven, or not at all."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captures.console.errors import InputError, PreflightError, RunError, StampedeError
from captures.format.reader import open_capture
from captures.share import pulling
from captures.share.pulling import pull
from captures.share.pushing import PushRequest, push
from tests.captures.share.carried import large, mangled, small, web_server
from tests.disks import disk_of

ROOT = Path(__file__).parents[3]
PROGRAM = (sys.executable, "-c", "from captures.entry import main; main()")


@pytest.fixture
def pushed(large_capture, web) -> str:
    """The URL of the manifest of the large capture on a web server."""
    url = push(PushRequest(large_capture, web.url)).manifest
    web.requests.clear()  # in some the push asks for what is not there
    return url


def changed(web, **fields) -> None:
    """Say something else in the only manifest of a server."""
    (path,) = web.folder.glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_what_was_pushed_is_pulled(large_capture, pushed, web, tmp_path):
    steps = []
    done = pull(pushed, tmp_path / "out.rcap", progress=lambda *step: steps.append(step))
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()
    assert (done.moved_blocks, done.kept_blocks, len(web.moved("GET"))) == (4, 0, 4)
    assert done.moved_bytes == sum(path.stat().st_size for path in web.folder.rglob("*.zst"))
    assert sum(step for step, _ in steps) == done.manifest.size
    assert [path.name for path in tmp_path.glob("out*")] == ["out.rcap"]


def test_a_folder_is_another_lab(capture, tmp_path, monkeypatch):
    push(PushRequest(capture, str(tmp_path / "shared")))
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "other-lab"))
    monkeypatch.chdir(tmp_path)
    pull("shared/lab.rcap.json", Path("again.rcap"))
    assert Path("again.rcap").read_bytes() == capture.read_bytes()
    pull(f"file://{tmp_path}/shared/lab.rcap.json", Path("once-more.rcap"))
    assert open_capture("once-more.rcap").digest == open_capture(capture).digest


def test_a_manifest_that_is_a_pipe_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "lab.rcap.json")
    with pytest.raises(InputError, match="nobody writes"):
        pull(f"{tmp_path}/lab.rcap.json", tmp_path / "lab.rcap")


def test_an_output_that_is_there_stays_unless_told(pushed, web, tmp_path, large_capture):
    out = tmp_path / "out.rcap"
    out.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        pull(pushed, out)
    assert not web.moved("GET")
    pull(pushed, out, force=True)
    assert out.read_bytes() == large_capture.read_bytes()


def test_what_is_cut_in_mid_transfer_is_fetched_again(pushed, web, tmp_path, large_capture):
    cuts = iter([None, None, 1000, 2_000_000])  # of the manifest, of the small first block, of a large one
    web.faults.append(lambda *_: setattr(web, "cut_bytes", next(cuts, None)))
    pull(pushed, tmp_path / "out.rcap", connections=1)
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()
    assert len(web.moved("GET")) == 6


def test_a_transfer_that_always_breaks_ends_in_a_line_and_the_next_pull_goes_on(pushed, web, tmp_path, large_capture):
    counted = iter(range(100))
    web.faults.append(lambda _, path, __: 503 if "/blocks/" in path and next(counted) >= 2 else None)
    with pytest.raises(RunError, match="the server says 503"):
        pull(pushed, tmp_path / "out.rcap", connections=1)
    assert not (tmp_path / "out.rcap").exists()
    web.faults.clear()
    web.requests.clear()
    done = pull(pushed, tmp_path / "out.rcap")
    assert (done.kept_blocks, done.moved_blocks, len(web.moved("GET"))) == (2, 2, 2)
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()


def test_a_wrong_block_is_found_and_a_passing_fault_is_not_the_end(pushed, web, tmp_path, large_capture):
    once = iter([True])
    web.faults.append(
        lambda _, path, data: mangled(data, 500_000) if "/blocks/" in path and next(once, False) else None
    )
    pull(pushed, tmp_path / "out.rcap")
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()
    (block, *_) = sorted(web.folder.rglob("*.zst"), key=lambda path: -path.stat().st_size)
    block.write_bytes(mangled(block.read_bytes(), 500_000))
    with pytest.raises(InputError, match=r"is not the block it is named after: .*; have it pushed again, with --force"):
        pull(pushed, tmp_path / "second.rcap")
    push(PushRequest(large_capture, web.url, force=True))
    assert pull(pushed, tmp_path / "second.rcap").kept_blocks > 0
    assert (tmp_path / "second.rcap").read_bytes() == large_capture.read_bytes()


def test_a_missing_block_is_said(pushed, web, tmp_path):
    next(iter(web.folder.rglob("*.zst"))).unlink()
    with pytest.raises(InputError, match="this block of the capture is missing"):
        pull(pushed, tmp_path / "out.rcap")


def test_a_block_without_end_takes_no_memory(pushed, web, tmp_path):
    endless = zstandard.ZstdCompressor().compress(bytes(1 << 30)) + bytes(60 << 20)
    web.faults.append(lambda _, path, __: endless if "/blocks/" in path else None)
    with pytest.raises(InputError, match=r"is larger than [\d,]+ bytes, as it can't be"):
        pull(pushed, tmp_path / "out.rcap", connections=1)
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 30))
    web.faults[0] = lambda _, path, __: bomb if "/blocks/" in path else None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="is not the block it is named after: it does not hold"):
        pull(pushed, tmp_path / "out.rcap", connections=1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_manifest_that_lies_is_found(pushed, web, tmp_path):
    (path,) = web.folder.glob("*.json")
    true = json.loads(path.read_text())
    for fields, complaint in (
        ({"size": true["size"] - 1}, "this manifest lies: its blocks are not"),
        ({"digest": "0" * 64}, "this manifest lies: .* it holds the capture"),
        ({"facts": true["facts"] | {"events": 1}}, "this manifest lies: it says something else .* events"),
        ({"recipe": {"events": 1}}, "this manifest lies: .* recipe"),
        ({"sha256": "0" * 64}, "this manifest lies: .* sha256"),
        ({"blocks": true["blocks"][::-1]}, "this manifest lies"),
        ({"blocks": true["blocks"] * 2, "size": 2 * true["size"]}, "this manifest lies"),
    ):
        path.write_text(json.dumps(true | fields))
        with pytest.raises(InputError, match=complaint) as refusal:
            pull(pushed, tmp_path / "out.rcap")
        assert "\n" not in str(refusal.value)
        assert not list(tmp_path.glob("out.rcap*"))


@pytest.mark.parametrize(
    "fields",
    [
        {"schema": 2},
        {"schema": "1"},
        {"name": "../../etc/passwd"},
        {"name": "a/b"},
        {"name": ""},
        {"digest": "../" + "0" * 61},
        {"size": 1 << 70},
        {"size": -1},
        {"blocks": []},
        {"blocks": [{"digest": "../../secret", "size": 1}]},
        {"blocks": [{"digest": "0" * 64, "size": 1 << 40}]},
        {"blocks": [{"digest": "0" * 64, "size": 0}]},
        {"facts": None},
        {"recipe": [1]},
        {"licence": 5},
    ],
)
def test_a_manifest_with_what_none_can_have_is_refused(pushed, web, tmp_path, fields):
    changed(web, **fields)
    with pytest.raises(InputError, match="is no manifest of a capture"):
        pull(pushed, tmp_path / "out.rcap")
    assert not web.moved("GET")
    assert not list(tmp_path.glob("out.rcap*"))


def test_a_manifest_of_more_than_the_disk_holds_is_refused_at_once(pushed, web, tmp_path):
    block = {"digest": "0" * 64, "size": 16 << 20}
    changed(web, blocks=[block] * 100_000, size=(16 << 20) * 100_000)
    with pytest.raises(PreflightError, match="and the disk has"):
        pull(pushed, tmp_path / "out.rcap")
    assert not web.moved("GET")
    assert not list(tmp_path.glob("out.rcap*"))


def test_what_came_before_a_pull_was_refused_stays(pushed, web, tmp_path, large_capture):
    part = tmp_path / "out.rcap.part"
    part.write_bytes(large_capture.read_bytes()[: 20 << 20])
    changed(web, blocks=[{"digest": "0" * 64, "size": 16 << 20}] * 100_000, size=(16 << 20) * 100_000)
    with pytest.raises(PreflightError, match="and the disk has"):
        pull(pushed, tmp_path / "out.rcap")
    assert part.stat().st_size == 20 << 20


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("0" * 64),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_manifest_ends_in_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    if not folder.exists():
        (folder / "store").mkdir(parents=True)
        push(PushRequest(small(folder / "lab.rcap"), str(folder / "store")))
        (folder / "store" / "lab.rcap.json").rename(folder / "true.json")
    tree = json.loads((folder / "true.json").read_text())
    out, place = folder / "out.rcap", tree
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(VALUES)
            break
        place = place[key]
    text = json.dumps(tree).encode()
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))] + data.draw(st.binary(max_size=4))
    (folder / "store" / "lab.rcap.json").write_bytes(text)
    out.unlink(missing_ok=True)
    try:
        pull(str(folder / "store" / "lab.rcap.json"), out)
    except StampedeError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may as well be the same manifest
        assert not out.exists()
    else:
        assert out.read_bytes() == (folder / "lab.rcap").read_bytes()


def test_what_is_no_manifest_is_refused(pushed, web, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no such manifest"):
        pull(f"{web.url}/none.rcap.json", tmp_path / "out.rcap")
    with pytest.raises(InputError, match=r"it ends in \.rcap\.json"):
        pull(web.url, tmp_path / "out.rcap")
    monkeypatch.setattr(pulling, "MOST_MANIFEST_BYTES", 100)
    with pytest.raises(InputError, match="is larger than 100 bytes"):
        pull(pushed, tmp_path / "out.rcap")


@pytest.mark.parametrize(
    ("target", "complaint"),
    [("/lab.rcap.json", "redirects without end"), ("file:///etc/passwd", "redirects to what is no web address")],
)
def test_a_server_that_leads_astray_ends_in_a_line(tmp_path, target, complaint):
    class Astray(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Astray) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        with pytest.raises(RunError, match=rf"lab\.rcap\.json: the server {complaint}$"):
            pull(f"http://127.0.0.1:{server.server_port}/lab.rcap.json", tmp_path / "out.rcap")
        server.shutdown()
        thread.join()


def test_a_server_that_is_not_there_ends_in_a_line(tmp_path):
    with pytest.raises(RunError, match=r"http://127\.0\.0\.1:1/lab\.rcap\.json: "):
        pull("http://127.0.0.1:1/lab.rcap.json", tmp_path / "out.rcap")


def test_a_part_that_is_not_ours_is_not_written(pushed, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    part = tmp_path / "out.rcap.part"
    part.symlink_to(victim)
    with pytest.raises(InputError, match=r"out\.rcap\.part: can't be written"):
        pull(pushed, tmp_path / "out.rcap")
    part.unlink()
    os.link(victim, part)
    with pytest.raises(InputError, match="no plain file of this user's"):
        pull(pushed, tmp_path / "out.rcap")
    part.unlink()
    os.mkfifo(part)
    with pytest.raises(InputError, match="no plain file of this user's"):
        pull(pushed, tmp_path / "out.rcap")
    assert victim.read_text() == "mine"


def test_a_part_of_something_else_is_written_over(pushed, tmp_path, large_capture):
    (tmp_path / "out.rcap.part").write_bytes(os.urandom(1000) * 50_000)
    assert pull(pushed, tmp_path / "out.rcap").kept_blocks == 0
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()


def test_a_full_disk_ends_in_a_line_and_the_next_pull_goes_on(tmp_path, monkeypatch):
    capture = large(tmp_path / "lab.rcap")
    url = push(PushRequest(capture, str(tmp_path / "store"))).manifest
    with disk_of("20m", tmp_path) as disk:
        with pytest.raises(PreflightError, match=r"needs 33\.\d MiB, and the disk has"):
            pull(url, disk / "out.rcap")
        with monkeypatch.context() as blind:
            blind.setattr(pulling, "require_room", lambda *_: None)
            with pytest.raises(RunError, match=r"out\.rcap\.part: the disk is full; what has come stays"):
                pull(url, disk / "out.rcap", connections=1)
        assert [path.name for path in disk.iterdir()] == ["out.rcap.part"]
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        assert pull(url, disk / "out.rcap").kept_blocks == 2
        assert (disk / "out.rcap").read_bytes() == capture.read_bytes()


@pytest.fixture
def held_server(large_capture, tmp_path) -> Iterator[tuple]:
    """A server with the large capture that holds back its third block, and what tells that it was asked for it."""
    (tmp_path / "held").mkdir()
    with web_server(tmp_path / "held") as web:
        url = push(PushRequest(large_capture, web.url)).manifest
        asked, go_on, count = threading.Event(), threading.Event(), iter(range(1000))

        def hold(method: str, path: str, _: bytes) -> None:
            if method == "GET" and "/blocks/" in path and next(count) == 2:
                asked.set()
                go_on.wait(60)

        web.faults.append(hold)
        yield web, url, asked, go_on
        go_on.set()


def test_a_pull_that_was_killed_goes_on_where_it_stopped(held_server, tmp_path, large_capture):
    web, url, asked, go_on = held_server
    command = [*PROGRAM, "pull", url, "-o", str(tmp_path / "out.rcap"), "--connections", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGKILL)
    go_on.set()
    assert not (tmp_path / "out.rcap").exists()
    web.requests.clear()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "2 blocks moved" in done.stderr
    assert "2 blocks from before" in done.stderr
    assert len(web.moved("GET")) == 2
    assert (tmp_path / "out.rcap").read_bytes() == large_capture.read_bytes()


def test_two_pulls_at_once_do_not_mix(held_server, tmp_path, large_capture):
    _, url, asked, go_on = held_server
    command = [*PROGRAM, "pull", url, "-o", str(tmp_path / "out.rcap"), "--connections", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        assert asked.wait(60)
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (second.returncode, second.stderr.count("\n")) == (2, 1)
        assert "another process writes to it" in second.stderr
        pull(url, tmp_path / "other.rcap")
        go_on.set()
        assert process.wait(60) == 0
    for name in ("out.rcap", "other.rcap"):
        assert (tmp_path / name).read_bytes() == large_capture.read_bytes()


def test_an_interrupt_ends_it_in_a_line(held_server, tmp_path):
    _, url, asked, go_on = held_server
    command = [*PROGRAM, "pull", url, "-o", str(tmp_path / "out.rcap"), "--connections", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        go_on.set()
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, "captures: interrupted\n")
    assert (tmp_path / "out.rcap.part").exists()


def test_a_push_that_was_killed_goes_on_where_it_stopped(large_capture, web):
    asked, go_on, count = threading.Event(), threading.Event(), iter(range(1000))

    def hold(method: str, *_: object) -> int | None:
        if method == "PUT" and next(count) == 2:
            asked.set()
            go_on.wait(60)
            return 500
        return None

    web.faults.append(hold)
    command = [*PROGRAM, "push", str(large_capture), web.url, "--connections", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGKILL)
    go_on.set()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "2 of 4 blocks moved" in done.stderr
