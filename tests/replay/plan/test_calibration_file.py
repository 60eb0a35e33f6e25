"""The calibration file, and what follows from it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError, PreflightError
from replay.machine.situation import Situation
from replay.path.request import BackendChoice, PathRequest
from replay.plan import calibration_file
from replay.plan.calibration_file import Calibration, Entry, load, load_usual, outdated, prepare, save
from replay.plan.send_method import SendMethod
from replay.plan.sending import SendRequest, choose

HERE = Situation(interface="eth0", mtu=1500, kernel="6.1.0", offloads=("tx-udp-segmentation",))
BEST = SendMethod(backend="packet", gso=True, train_max=64, batch_trains=16)
ENTRY = Entry(situation=HERE, method=BEST, worker_eps=9_000_000, event_bytes=150, measured="2026-11-24")


def takes_all(_: str) -> tuple[str, ...]:
    """An interface that drops no frames."""
    return ()


def entry(**changes: Any) -> Entry:
    return replace(ENTRY, situation=replace(HERE, **changes))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    save(path, ENTRY)
    return path


def test_an_entry_takes_the_place_of_its_interfaces_last_one(file: Path) -> None:
    save(file, entry(interface="eth1"))
    save(file, entry(mtu=9000))
    assert load(file).entries == (entry(interface="eth1"), entry(mtu=9000))
    assert load(file).of("eth0") == entry(mtu=9000)
    assert load(file).of("eth2") is None
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_usual_file_need_not_be_there_but_one_that_is_named_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert load_usual() == (Calibration(), "")
    usual = tmp_path / "stampede" / "calibration.json"
    prepare(usual, [])
    save(usual, ENTRY)
    assert load_usual()[0].entries == (ENTRY,)
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert calibration_file.default_path() == Path.home() / ".cache/stampede/calibration.json"
    with pytest.raises(InputError, match="No such file or directory; `replay calibrate` writes it"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: "", "the file: Invalid JSON"),
        (lambda text: text.replace('"mtu": 1500', '"mtu": "wide"'), "entries.0.situation.mtu: "),
        (lambda text: text.replace('"train_max": 64', '"train_max": 129'), "way: Value error, train_max is 129"),
        (lambda text: text.replace('"packet"', '"pigeon"'), "way: Value error, backend is 'pigeon'"),
        (lambda text: text.replace('"worker_eps": 9000000', '"worker_eps": 0'), "entries.0: Value error, worker_eps"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "version: "),
        (lambda text: json.dumps({**json.loads(text), "more": 1}), "more: "),
    ],
)
def test_a_damaged_file_is_refused_and_not_written_over(file: Path, change: Any, said: str) -> None:
    text = change(file.read_text())
    file.write_text(text)
    with pytest.raises(InputError, match=said) as refusal:
        load(file)
    assert "remove it, and measure again" in str(refusal.value)
    for writes in (lambda: save(file, ENTRY), lambda: prepare(file, [])):
        with pytest.raises(InputError):
            writes()
    assert file.read_text() == text


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "calibration.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as refusal:
        load(path)
    assert "\n" not in str(refusal.value)


def test_a_place_that_cant_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="give another --calibration FILE"):
        prepare(tmp_path / "file" / "calibration.json", [])
    with pytest.raises(InputError, match="is the file that is read"):
        prepare(tmp_path / "file", [tmp_path / "file"])


def test_what_is_wrong_with_the_usual_file_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    usual = calibration_file.default_path()
    usual.parent.mkdir()
    usual.write_text("damaged")
    assert choose(SendRequest(), PathRequest(), lambda: HERE, takes_all).method == SendMethod()
    assert capsys.readouterr().err.startswith(f"no calibration is used: {usual}: the file: Invalid JSON")


def test_a_user_without_a_home_has_no_calibration_and_can_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert load_usual() == (Calibration(), "")
    with pytest.raises(PreflightError, match="this user has no home, and HOME is not set; give --calibration FILE"):
        calibration_file.default_path()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"kernel": "6.2.0"}, "it was measured with kernel 6.1.0, and now it is 6.2.0"),
        ({"mtu": 9000}, "it was measured with mtu 1500, and now it is 9000"),
        ({"offloads": ()}, "it was measured with offloads tx-udp-segmentation, and now it is none"),
    ],
)
def test_an_entry_holds_as_long_as_nothing_changed(change: dict[str, Any], said: str | None) -> None:
    assert outdated(ENTRY, replace(HERE, **change)) == said


def test_without_a_calibration_the_flags_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def unasked() -> Situation:
        raise AssertionError("nobody needs to know")

    chosen = choose(SendRequest(train_max=7), PathRequest(), unasked, takes_all)
    assert (chosen.method, chosen.worker_eps) == (SendMethod(train_max=7), None)
    assert chosen.why.startswith("udp: nothing else was asked for")
    chosen = choose(SendRequest(gso=False, batch_trains=3), PathRequest(vlans=(7,)), unasked, takes_all)
    assert chosen.method == SendMethod(backend="packet", gso=False, batch_trains=3)
    assert chosen.why == "packet: --vlan needs frames of our own"


@pytest.mark.parametrize(
    ("flags", "wire", "way", "eps", "said"),
    [
        (SendRequest(), PathRequest(), BEST, 9_000_000, "calibrated on eth0 on 2026-11-24, 9,000,000 EPS a worker"),
        (SendRequest(gso=True), PathRequest(), BEST, 9_000_000, "calibrated on eth0"),
        (SendRequest(gso=False), PathRequest(), replace(BEST, gso=False), None, "calibrated on eth0"),
        (
            SendRequest(),
            PathRequest(vlans=(7,)),
            BEST,
            9_000_000,
            "packet: --vlan needs frames of our own; packet, GSO",
        ),
        (SendRequest(), PathRequest(backend=BackendChoice.UDP), SendMethod(), None, "udp: asked for by --backend"),
    ],
)
def test_the_calibration_decides_what_the_flags_leave_open(
    file: Path, flags: SendRequest, wire: PathRequest, way: SendMethod, eps: int | None, said: str
) -> None:
    options = SendRequest(flags.gso, flags.train_max, flags.batch_trains, file)
    chosen = choose(options, wire, lambda: HERE, takes_all)
    assert (chosen.method, chosen.worker_eps) == (way, eps)
    assert said in chosen.why


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(HERE, mtu=9000), "no longer holds: it was measured with mtu 1500"),
        (replace(HERE, interface="eth1"), "the calibration has no interface eth1"),
    ],
)
def test_a_calibration_of_something_else_is_left_aside_and_said(file: Path, now: Situation, said: str) -> None:
    chosen = choose(SendRequest(calibration=file), PathRequest(), lambda: now, takes_all)
    assert (chosen.method, chosen.worker_eps) == (SendMethod(), None)
    assert said in chosen.why


LACKING = ("net.ipv4.conf.eth0.route_localnet=1", "net.ipv4.conf.eth0.accept_local=1")


def test_a_calibration_by_frames_is_left_aside_where_they_are_dropped(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = choose(SendRequest(calibration=file), PathRequest(), lambda: HERE, lambda _: LACKING)
    assert (chosen.method, chosen.worker_eps) == (SendMethod(), None)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the calibration of eth0 is not followed" in said
    assert all(setting in said and setting in chosen.why for setting in LACKING)


def test_a_calibration_by_datagrams_is_followed_there(file: Path) -> None:
    save(file, replace(entry(), method=SendMethod(train_max=9)))
    chosen = choose(SendRequest(calibration=file), PathRequest(), lambda: HERE, lambda _: LACKING)
    assert chosen.method == SendMethod(train_max=9)


def test_the_file_calls_the_method_a_way_as_earlier_versions_did(file: Path) -> None:
    (written,) = json.loads(file.read_text())["entries"]
    assert list(written) == ["situation", "way", "worker_eps", "event_bytes", "measured"]
    assert written["way"] == {"backend": "packet", "gso": True, "train_max": 64, "batch_trains": 16}
