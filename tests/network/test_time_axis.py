"""A capture's own time axis over a wire: when its events arrive, and what their stamps say, in all formats at once."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from captures.format.capture import Capture
from captures.format.layout import LOCAL_ZONE, StampKind
from captures.format.reader import open_capture
from captures.format.stamp_writing import stamp_texts
from tests.captures.content import START_NS, STYLES, timed, window_instants_ns, write
from tests.network.arrivals import Arrival, arrivals, started_ns
from tests.network.programs import assert_ran, call, listed, listening_sink, run_of
from tools.lab import PORTS, V4, Lab

TRAIN = 16
SECOND_NS = 10**9
WINDOWS = ([40, 0, 10, 100], [2 * SECOND_NS, SECOND_NS, 3 * SECOND_NS, SECOND_NS])
"""Trains and time of each: 640 events in 2 s, a silent second, 160 in 3 s, 1,600 in one second."""
SPEED = 10
EARLY_NS = 12_000_000
"""How far an event may be from its instant, by the schedule."""


@pytest.fixture(scope="module")
def timed_capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    path = tmp_path_factory.mktemp("captures") / "timed.rcap"
    write(path, timed(*WINDOWS, train=TRAIN))
    return open_capture(path)


def style_of(event: Arrival) -> tuple[StampKind, int]:
    return STYLES[event.number // TRAIN % len(STYLES)]


def text(kind: StampKind, zone_minutes: int, instant_ns: int) -> str:
    """A stamp; this machine's own zone is found by the calendar."""
    if zone_minutes == LOCAL_ZONE:
        offset = datetime.fromtimestamp(instant_ns // SECOND_NS, UTC).astimezone().utcoffset()
        assert offset is not None
        zone_minutes = offset // timedelta(minutes=1)
    return stamp_texts(kind, zone_minutes, np.array([instant_ns])).tobytes().decode()


@pytest.mark.parametrize("workers", [1, 2])
def test_events_arrive_when_the_axis_has_them(lab: Lab, timed_capture: Capture, workers: int) -> None:
    came, report = arrivals(lab, timed_capture, "--speed", SPEED, "--workers", workers)
    instants_ns = window_instants_ns(timed_capture.windows) // SPEED
    late_ns = np.array([event.arrival_ns for event in came]) - started_ns(report) - instants_ns

    assert [event.number for event in came] == list(range(timed_capture.events))
    # Never early but by what the schedule allows; how late is the machine's matter, and the report exaggerates nothing.
    assert late_ns.min() >= -EARLY_NS
    assert late_ns.max() >= report["lag_ms"]["max"] * 1_000_000 - EARLY_NS
    assert (report["speed"], report["target_peak_eps"]) == (SPEED, 16_000)


@pytest.mark.parametrize("pace", [("--speed", 20), ("--eps", "10k"), ("--eps", "max")])
def test_shifted_stamps_keep_their_spacing_from_the_start_of_the_run_on(
    lab: Lab, timed_capture: Capture, pace: tuple[object, ...]
) -> None:
    came, report = arrivals(lab, timed_capture, *pace, "--loops", 2, "--stamp", "shift")
    base_ns, loop_ns = started_ns(report), timed_capture.duration_ns
    instants_ns = window_instants_ns(timed_capture.windows)
    first = next(event for event in came if event.number == 3 * TRAIN)  # of RFC3339_US: to the microsecond
    exact_ns = round(datetime.fromisoformat(first.stamp).timestamp() * 1e6) * 1000 - int(instants_ns[first.number])
    assert base_ns <= exact_ns < base_ns + 1_000_000

    for number in range(timed_capture.events):
        style = style_of(came[2 * number])
        # A nanosecond less than a microsecond is unknown: the start is read from a stamp of microseconds.
        possible = [
            {text(*style, exact_ns + rest + int(instants_ns[number]) + loop * loop_ns) for rest in (0, 999)}
            for loop in (0, 1)
        ]
        stamps = [came[2 * number].stamp, came[2 * number + 1].stamp]
        assert any(a in possible[0] and b in possible[1] for a, b in (stamps, stamps[::-1])), (stamps, possible)


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_live_stamps_say_the_instant_of_sending_in_every_format(lab: Lab, timed_capture: Capture, gso: str) -> None:
    came, report = arrivals(lab, timed_capture, "--eps", "20k", "--loops", 1, gso)

    fine = {event.number: event for event in came if style_of(event)[0] >= StampKind.RFC3339_US}
    for event in came:
        kind, zone = style_of(event)
        if kind == StampKind.RFC3164:
            near = {
                text(kind, zone, at_ns) for at_ns in range(started_ns(report), event.arrival_ns + 1, SECOND_NS // 2)
            }
            assert event.stamp in near | {text(kind, zone, event.arrival_ns)}
        else:
            stamp_ns = round(datetime.fromisoformat(event.stamp).timestamp() * 1e6) * 1000
            assert started_ns(report) - 128_000 <= stamp_ns <= event.arrival_ns
            offset = datetime.fromisoformat(event.stamp).utcoffset()
            assert offset == timedelta(minutes=zone)
    # Two events of one train arrive at one instant, and are a microsecond apart; of two trains, any time.
    apart = {
        round((datetime.fromisoformat(fine[n + 1].stamp) - datetime.fromisoformat(fine[n].stamp)).total_seconds() * 1e6)
        for n in fine
        if n % TRAIN % 2 == 0 and fine[n].arrival_ns == fine[n + 1].arrival_ns
    }
    assert apart == ({1} if gso == "--gso" else set())


def test_kept_stamps_are_those_of_the_axis(lab: Lab, timed_capture: Capture) -> None:
    came, _ = arrivals(lab, timed_capture, "--eps", "max", "--loops", 1, "--stamp", "keep")
    instants_ns = START_NS + window_instants_ns(timed_capture.windows)

    for event in came:
        kind, zone = style_of(event)
        built = stamp_texts(kind, 0 if zone == LOCAL_ZONE else zone, instants_ns[[event.number]])
        assert event.stamp == built.tobytes().decode()


def test_the_sink_knows_every_format(tmp_path: Path, lab: Lab, timed_capture: Capture) -> None:
    sent, received = tmp_path / "sent.json", tmp_path / "received.json"
    listening = ("--bind", V4, "--ports", listed(PORTS), "--report", received)
    with listening_sink(tmp_path / "sink.log", *listening, host=lab.receiver) as end_sink:
        options = ("--speed", SPEED, "--loops", 2, "--report", sent)
        run = call(*run_of(timed_capture, V4, PORTS, *options), host=lab.sender)
        assert_ran(run)
        report = end_sink()

    coarse = int(timed_capture.trains["count"][timed_capture.trains["stamp_kind"] == StampKind.RFC3164].sum())
    assert report["received_events"] == 2 * timed_capture.events
    assert report["coarse_stamps"] == 2 * coarse
    assert report["bad_stamps"] == report["early_stamps"] == report["old_stamps"] == 0
    assert report["latency_ms"]["samples"] == 2 * (timed_capture.events - coarse)
    assert call("replay", "reconcile", sent, received, "--json").report["balanced"]
    assert json.loads(received.read_text()) == report
