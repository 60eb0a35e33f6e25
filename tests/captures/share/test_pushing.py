"""A capture comes to a store: only what is missing moves, and the manifest says what there is."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from captures.console.errors import DamagedError, InputError, PreflightError, RunError
from captures.format.reader import open_capture
from captures.share.packing import pack
from captures.share.pushing import PushRequest, push
from captures.share.store import Store
from tests.captures.share.carried import large, mangled, small, web_server
from tests.disks import disk_of


def manifest(folder: Path, name: str = "lab.rcap") -> dict:
    return json.loads((folder / f"{name}.json").read_text())


def test_a_manifest_says_what_there_is(capture, tmp_path):
    store = tmp_path / "store"
    done = push(PushRequest(capture, str(store), licence="internal", contact="siem@example.org"))
    opened, told = open_capture(capture), manifest(store)
    assert done.manifest == f"{store}/lab.rcap.json"
    assert (done.digest, done.blocks, done.moved_blocks) == (opened.digest, 2, 2)
    assert (told["schema"], told["name"], told["digest"], told["size"]) == (
        1,
        "lab.rcap",
        opened.digest,
        capture.stat().st_size,
    )
    assert (told["licence"], told["contact"], told["recipe"]) == ("internal", "siem@example.org", opened.recipe)
    facts = told["facts"]
    assert (facts["version"], facts["events"], facts["payload_bytes"]) == (1, opened.events, len(opened.payload))
    assert (facts["mix"], facts["start_ns"], facts["duration_ns"]) == (
        opened.mix.tolist(),
        opened.start_ns,
        opened.duration_ns,
    )
    assert sum(stamps["events"] for stamps in facts["stamps"]) == opened.events
    assert {stamps["kind"] for stamps in facts["stamps"]} >= {"iso_ms", "rfc3164"}
    assert sum(block["size"] for block in told["blocks"]) == capture.stat().st_size
    assert told["sha256"] == hashlib.sha256(capture.read_bytes()).hexdigest()


def test_the_list_is_one_of_sha256sum(capture, tmp_path):
    store = tmp_path / "store"
    push(PushRequest(capture, str(store)))
    (store / "lab.rcap").write_bytes(capture.read_bytes())
    done = subprocess.run(
        ["sha256sum", "-c", "lab.rcap.sha256"], cwd=store, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "lab.rcap: OK\nlab.rcap.json: OK\n"


def test_only_what_is_missing_moves(large_capture, web, tmp_path):
    request = PushRequest(large_capture, web.url)
    done = push(request)
    assert (done.moved_blocks, len(web.moved("PUT"))) == (4, 4)
    assert push(request).moved_blocks == 0
    assert len(web.moved("PUT")) == 4
    lost = web.folder / web.moved("PUT")[1].lstrip("/")
    lost.unlink()
    assert push(request).moved_blocks == 1
    assert lost.exists()
    other = tmp_path / "other.rcap"
    other.write_bytes(large_capture.read_bytes())
    assert push(PushRequest(other, web.url)).moved_blocks == 0
    assert manifest(web.folder, "other.rcap")["digest"] == done.digest
    assert push(PushRequest(other, web.url, force=True)).moved_blocks == 4


def test_a_packed_capture_is_pushed_as_what_it_holds(capture, tmp_path):
    pack(capture, tmp_path / "twin.rcapz")
    push(PushRequest(tmp_path / "twin.rcapz", str(tmp_path / "store")))
    assert manifest(tmp_path / "store", "twin.rcap")["digest"] == open_capture(capture).digest


def test_a_push_that_was_cut_short_goes_on(large_capture, web):
    refused = iter([None, None, 403])
    web.faults.append(lambda method, *_: next(refused, 403) if method == "PUT" else None)
    request = PushRequest(large_capture, web.url, connections=1)
    with pytest.raises(RunError, match="the server says 403"):
        push(request)
    assert not list(web.folder.glob("*.json"))
    web.faults.clear()
    assert push(request).moved_blocks == 2


def test_what_a_server_can_not_take_now_is_sent_again(large_capture, web):
    answers = iter([503, 500, None, 429])
    web.faults.append(lambda method, *_: next(answers, None) if method == "PUT" else None)
    assert push(PushRequest(large_capture, web.url, connections=1)).moved_blocks == 4
    assert len(web.moved("PUT")) == 7


def test_a_server_that_never_takes_it_ends_it(capture, web):
    web.faults.append(lambda method, *_: 500 if method == "PUT" else None)
    with pytest.raises(RunError, match="the server says 500"):
        push(PushRequest(capture, web.url, connections=1))
    assert len(web.moved("PUT")) == 6


def test_the_transfer_that_failed_is_named_and_not_one_that_was_given_up_for_it(large_capture, web):
    """All blocks but the last one are told to wait; the last is refused for good."""
    last = iter(range(100))
    web.faults.append(lambda method, *_: None if method != "PUT" else 403 if next(last) == 3 else 503)
    with pytest.raises(RunError, match="the server says (403|503)"):
        push(PushRequest(large_capture, web.url, connections=4))
    assert len(web.moved("PUT")) < 24


def test_a_server_that_takes_no_put_says_so_at_once(capture, web):
    web.faults.append(lambda method, *_: 405 if method == "PUT" else None)
    with pytest.raises(RunError, match="the server says 405"):
        push(PushRequest(capture, web.url, connections=1))
    assert len(web.moved("PUT")) == 1


def test_another_capture_of_the_name_stays_unless_told(capture, tmp_path):
    store = tmp_path / "store"
    push(PushRequest(capture, str(store)))
    (tmp_path / "other").mkdir()
    other = small(tmp_path / "other" / "lab.rcap", events=20)
    with pytest.raises(InputError, match="another capture has this name there"):
        push(PushRequest(other, str(store)))
    assert manifest(store)["digest"] == open_capture(capture).digest
    push(PushRequest(other, str(store), force=True))
    assert manifest(store)["digest"] == open_capture(other).digest
    (store / "lab.rcap.json").write_text("{}")
    with pytest.raises(InputError, match="is no manifest"):
        push(PushRequest(other, str(store)))
    push(PushRequest(other, str(store), force=True))


def test_a_damaged_capture_gets_no_manifest(large_capture, tmp_path):
    damaged = tmp_path / "lab.rcap"
    data = large_capture.read_bytes()
    damaged.write_bytes(mangled(data, len(data) - 1))
    with pytest.raises(DamagedError, match="payload chunk 2"):
        push(PushRequest(damaged, str(tmp_path / "store")))
    assert not list((tmp_path / "store").glob("*.json"))


def test_a_full_disk_ends_in_a_line_and_the_next_push_goes_on(tmp_path):
    capture = large(tmp_path / "lab.rcap")
    with disk_of("20m", tmp_path) as disk:
        request = PushRequest(capture, f"file://{disk}", connections=1)
        with pytest.raises(RunError, match="the disk is full"):
            push(request)
        assert not list(disk.glob("*.json"))
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        assert 0 < push(request).moved_blocks < 4


def test_names_and_urls_that_can_not_be_used_are_refused(capture, tmp_path):
    (tmp_path / "a b.rcap").write_bytes(capture.read_bytes())
    with pytest.raises(InputError, match=r"a b\.rcap: can't be a name in a store, .*; give another one by --name"):
        push(PushRequest(tmp_path / "a b.rcap", str(tmp_path / "store")))
    for field in ("licence", "contact"):
        for text in ("x" * 2001, "\udcff"):
            with pytest.raises(InputError, match=f"--{field}: "):
                push(PushRequest(capture, str(tmp_path / "store"), **{field: text}))
    assert not (tmp_path / "store").exists()
    done = push(PushRequest(tmp_path / "a b.rcap", str(tmp_path / "store"), name="a_b"))
    assert (done.manifest, manifest(tmp_path / "store", "a_b.rcap")["name"]) == (
        f"{tmp_path}/store/a_b.rcap.json",
        "a_b.rcap",
    )
    (tmp_path / "text").touch()
    for url, complaint in (
        ("", "no plain URL"),
        ("simplecache::http://127.0.0.1/", "no plain URL"),
        ("nosuch://a/b", "can't be used"),
        ("http://127.0.0.1/x?key=1", "has a query"),
        ("http://127.0.0.1:99999/x", "its port is none"),
        ("http://127.0.0.1:0/x", "its port is none"),
        ("http://127.0.0.1:x/x", "its port is none"),
        ("/dev/null", "/dev/null is no folder; name one"),
        (str(tmp_path / "text"), "text is no folder; name one"),
        (f"file://{tmp_path}/text/below", "text is no folder; name one"),
    ):
        with pytest.raises(InputError, match=complaint):
            push(PushRequest(capture, url))


def test_a_push_does_not_replace_what_it_reads(capture, tmp_path):
    taken = capture.rename(tmp_path / "other.rcap.json")
    with pytest.raises(InputError, match="this is the file that is read"):
        push(PushRequest(taken, str(tmp_path), name="other", force=True))
    assert open_capture(taken).events


@pytest.mark.parametrize("url", ["/", "//", "file:///"])
def test_the_root_is_a_folder_like_others(url, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    store = Store(url)
    assert str(store.path("a/b")) == "/a/b"
    assert store.where("a") in ("/a", "file:///a")


def test_a_library_that_is_missing_is_named(capture):
    with pytest.raises(PreflightError, match=r"pip install 'stampede\[gcs\]'"):
        push(PushRequest(capture, "gs://bucket/folder"))


def test_a_password_is_told_nobody(capture):
    with pytest.raises(PreflightError) as refusal:
        push(PushRequest(capture, "sftp://siem:s3cret@lab.example/captures"))
    assert "s3cret" not in str(refusal.value)
    assert "sftp://siem@lab.example/captures" in str(refusal.value)


def test_two_stores_do_not_know_each_other(capture, tmp_path):
    (tmp_path / "a").mkdir()
    with web_server(tmp_path / "a") as web:
        push(PushRequest(capture, web.url))
    assert push(PushRequest(capture, str(tmp_path / "b"))).moved_blocks == 2
