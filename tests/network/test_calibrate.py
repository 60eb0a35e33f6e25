"""A calibration over a real wire, and runs that follow it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.plan.calibration_file import Entry, load, save
from replay.plan.send_method import SendMethod
from tests.network.expected import port_lines
from tests.network.mailboxes import mailboxes
from tests.network.programs import assert_ran, call, listed, run_of
from tools.lab import DEVICE, PORTS, V4, Lab

SHORT = ("--time", "50ms")


def calibrate(file: Path, *options: object) -> tuple[object, ...]:
    return ("replay", "calibrate", "--target", V4, "--ports", listed(PORTS), "--calibration", file, *options)


def test_each_way_is_measured_and_a_run_follows_the_best(tmp_path: Path, lab: Lab, capture: Capture):
    file = tmp_path / "calibration.json"
    with lab.dropping("udp dport 5514-5517"):
        done = call(*calibrate(file, *SHORT, "--json"), host=lab.sender)
    assert done.code == ExitCode.MET, done.stderr
    trials, winner = done.report["trials"], done.report["winner"]
    assert [(trial["backend"], trial["gso"]) for trial in trials[:4]] == [
        (backend, gso) for backend in ("udp", "packet") for gso in (True, False)
    ]
    assert [trial["train_max"] for trial in trials[4:7]] == [64, 32, 16]
    assert [trial["batch_trains"] for trial in trials[7:]] == [16, 8, 4]
    assert all(len(trial["rates_eps"]) == 3 and max(trial["rates_eps"]) > 0 for trial in trials)
    assert json.loads(json.dumps(load(file).of(DEVICE).figures())) == winner
    assert (winner["situation"]["interface"], winner["situation"]["mtu"]) == (DEVICE, 1500)
    assert done.stderr.count("EPS\n") == len(trials)
    paced = sorted(done.report["paced"]["rates_eps"])[1]
    best = max(sorted(trial["rates_eps"])[1] for trial in trials)
    assert 0 < winner["worker_eps"] <= min(paced + 1, best)
    assert f"at a pace it sends {winner['worker_eps']:,} EPS" in done.stderr

    plan = call(*run_of(capture, V4, PORTS, "--dry-run", "--calibration", file), host=lab.sender).report
    way = winner["way"]
    assert (plan["backend"], plan["gso"], plan["batch_trains"]) == (way["backend"], way["gso"], way["batch_trains"])
    assert f"calibrated on {DEVICE}" in plan["choices"]["backend"]
    assert "of what one was measured to send" in plan["choices"]["workers"]


def test_a_calibrated_run_sends_every_event_in_that_way(
    tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes]
):
    found = call(*calibrate(tmp_path / "found.json", *SHORT, "--backend", "udp", "--json"), host=lab.sender).report
    assert {trial["backend"] for trial in found["trials"]} == {"udp"}
    situation = load(tmp_path / "found.json").of(DEVICE).situation
    method = SendMethod(backend="packet", gso=True, train_max=5, batch_trains=3)
    file = tmp_path / "calibration.json"
    save(file, Entry(situation=situation, method=method, worker_eps=20_000, event_bytes=150, measured="2026-11-24"))

    options = ("--loops", 1, "--eps", "40k", "--stamp", "keep", "--calibration", file)
    with mailboxes(lab, V4) as boxes:
        run = call(*run_of(capture, V4, PORTS, *options), host=lab.sender)
        came = boxes.take()
    assert_ran(run)
    assert (run.report["backend"], run.report["train_events_max"], run.report["batch_trains"]) == ("packet", 5, 3)
    assert came == port_lines(lines, len(PORTS))
    assert "40,000 EPS at 15,000 each" in run.report["choices"]["workers"]

    with lab.mtu(1400):
        run = call(*run_of(capture, V4, PORTS, "--dry-run", "--calibration", file), host=lab.sender)
    assert run.report["backend"] == "udp"
    assert "no longer holds: it was measured with mtu 1500, and now it is 1400" in run.stderr


def test_without_the_right_to_frames_they_are_left_out_and_it_says_why(tmp_path: Path, lab: Lab):
    bare = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--ambient-caps=-net_raw")
    done = call(*calibrate(tmp_path / "calibration.json", *SHORT, "--json"), host=lab.sender, through=bare)
    assert done.code == ExitCode.MET, done.stderr
    refused = {trial["backend"]: trial["refused"] for trial in done.report["trials"]}
    assert "CAP_NET_RAW" in refused["packet"]
    assert done.report["winner"]["way"]["backend"] == "udp"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--target", "192.0.2.1"), ExitCode.USAGE, "outside the private, loopback and benchmark ranges"),
        (("--target", "127.0.0.1", "nowhere.rcap"), ExitCode.USAGE, "nowhere.rcap"),
        (("--target", "127.0.0.1", "--time", "9ms"), ExitCode.USAGE, "10ms at least"),
        (("--target", "127.0.0.1", "--calibration", "/proc/nowhere/x"), ExitCode.PREFLIGHT, "can't be written"),
        (("--target", "127.0.0.1", "--backend", "udp", "--vlan", 7), ExitCode.USAGE, "--vlan needs frames of our own"),
    ],
)
def test_what_cant_be_measured_is_one_line(tmp_path: Path, options: Sequence[object], code: ExitCode, said: str):
    done = call("replay", "calibrate", "--calibration", tmp_path / "calibration.json", *SHORT, *options)
    assert done.code == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_damaged_calibration_ends_a_run_before_it_starts(tmp_path: Path, capture: Capture):
    (tmp_path / "calibration.json").write_text(json.dumps({"version": 9}))
    run = call(*run_of(capture, "127.0.0.1", [5514], "--calibration", tmp_path / "calibration.json"))
    assert run.code == ExitCode.USAGE
    assert "remove it, and measure again with `replay calibrate`" in run.stderr
