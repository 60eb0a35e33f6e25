"""Frames of our own over loopback, which the kernel drops by IPv4 unless it is told to take them in."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.plan.calibration_file import load, save
from replay.plan.send_method import SendMethod
from tests.network.programs import assert_ran, call, listed, listening_sink, run_of
from tools.lab import PORTS, V4, V6, Lab

SETTINGS = ("net.ipv4.conf.lo.route_localnet", "net.ipv4.conf.lo.accept_local")
PACKET = ("--loops", 1, "--eps", "40k", "--backend", "packet")


@pytest.fixture(autouse=True)
def as_usual(lab: Lab):
    """Both settings are off before a test and after it."""
    set_to(lab, 0, *SETTINGS)
    yield
    set_to(lab, 0, *SETTINGS)


def set_to(lab: Lab, value: int, *settings: str) -> None:
    for setting in settings:
        lab.run_at(lab.receiver, "sysctl", "-qw", f"{setting}={value}")


def received(tmp_path: Path, lab: Lab, capture: Capture, target: str, *words: str) -> int:
    """Events that came of a run by frames."""
    with listening_sink(
        tmp_path / "sink.log", "--bind", target, "--ports", listed(PORTS), host=lab.receiver
    ) as end_sink:
        assert_ran(call(*run_of(capture, target, PORTS, *PACKET, *words), host=lab.receiver))
        report = end_sink()
    count: int = report["received_events"]
    return count


@pytest.mark.parametrize(
    ("target", "on", "lacking"),
    [
        ("127.0.0.1", (), SETTINGS),
        ("127.0.0.1", SETTINGS[:1], SETTINGS[1:]),
        ("127.0.0.1", SETTINGS[1:], SETTINGS[:1]),
        (V4, (), SETTINGS[1:]),
    ],
)
def test_frames_that_would_be_dropped_are_refused(
    lab: Lab, capture: Capture, target: str, on: Sequence[str], lacking: Sequence[str]
):
    set_to(lab, 1, *on)
    run = call(*run_of(capture, target, PORTS, *PACKET), host=lab.receiver)
    assert run.code == ExitCode.PREFLIGHT
    assert len(run.stderr.splitlines()) == 1
    assert {setting for setting in SETTINGS if f"{setting}=1" in run.stderr} == set(lacking)
    doctor = ("replay", "doctor", "--target", target, "--ports", listed(PORTS), "--backend", "packet", "--json")
    findings = {each["check"]: each for each in call(*doctor, host=lab.receiver).report["findings"]}
    assert findings["device"]["state"] == "fail"
    assert all(f"{setting}=1" in findings["device"]["mend"] for setting in lacking)


@pytest.mark.parametrize(("target", "on"), [("127.0.0.1", SETTINGS), (V4, SETTINGS[1:]), ("::1", ()), (V6, ())])
def test_all_arrive_where_the_kernel_takes_them(
    tmp_path: Path, lab: Lab, capture: Capture, target: str, on: Sequence[str]
):
    set_to(lab, 1, *on)
    assert received(tmp_path, lab, capture, target) == capture.events


@pytest.mark.parametrize(
    ("rp_filter", "sources", "lacking"),
    [
        (0, "198.19.1.0/24", ()),
        (0, "198.19.0.0/24", SETTINGS[1:]),
        (1, "198.19.1.0/24", ("net.ipv4.conf.lo.rp_filter",)),
        (2, "198.19.1.0/24", ("net.ipv4.conf.lo.rp_filter",)),
        (1, "198.19.0.7/32", SETTINGS[1:]),
    ],
    ids=["others", "its own among them", "strict check", "loose check without a route", "its own, strict check"],
)
def test_sources_that_the_kernel_would_drop_are_refused_and_no_others(
    tmp_path: Path, lab: Lab, capture: Capture, rp_filter: int, sources: str, lacking: Sequence[str]
):
    """One of the host's addresses is 198.19.0.7, and to 198.19.1.0/24 it has no route."""
    lab.run_at(lab.receiver, "ip", "address", "replace", "198.19.0.7/32", "dev", "lo")
    set_to(lab, 0, "net.ipv4.conf.all.rp_filter")
    set_to(lab, rp_filter, "net.ipv4.conf.lo.rp_filter")
    try:
        words = ("--source-ips", sources)
        run = call(*run_of(capture, V4, PORTS, *PACKET, *words), host=lab.receiver)
        if lacking:
            assert run.code == ExitCode.PREFLIGHT
            assert all(f"{name}={int(not name.endswith('rp_filter'))}" in run.stderr for name in lacking)
            for name in lacking:
                set_to(lab, int(not name.endswith("rp_filter")), name)
        assert received(tmp_path, lab, capture, V4, *words) == capture.events
    finally:
        set_to(lab, 0, "net.ipv4.conf.lo.rp_filter")
        lab.run_at(lab.receiver, "ip", "address", "del", "198.19.0.7/32", "dev", "lo")


def test_calibrate_leaves_frames_out_and_an_older_entry_is_not_followed(tmp_path: Path, lab: Lab, capture: Capture):
    file = tmp_path / "calibration.json"
    line = ("replay", "calibrate", "--target", "127.0.0.1", "--ports", listed(PORTS), "--time", "50ms")
    done = call(*line, "--calibration", file, "--json", host=lab.receiver)
    assert done.code == ExitCode.MET, done.stderr
    assert done.report["winner"]["way"]["backend"] == "udp"
    refused = [trial["refused"] for trial in done.report["trials"] if trial["backend"] == "packet"]
    assert refused
    assert all("route_localnet" in why for why in refused)

    found = load(file).of("lo")
    assert found is not None
    save(file, type(found)(found.situation, SendMethod(backend="packet"), 20_000, 150, "2026-11-24"))
    planned = ("--loops", 1, "--eps", "40k", "--dry-run", "--calibration", file)
    run = call(*run_of(capture, "127.0.0.1", PORTS, *planned), host=lab.receiver)
    assert run.report["backend"] == "udp"
    assert "the calibration of lo is not followed" in run.stderr
    set_to(lab, 1, *SETTINGS)
    assert call(*run_of(capture, "127.0.0.1", PORTS, *planned), host=lab.receiver).report["backend"] == "packet"
