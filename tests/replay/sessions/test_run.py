"""What is asked of a run from Python: a value that no flag could have is refused in one line, and nothing is sent."""

import socket
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.calibration.capture import make_capture
from replay.clock import SECOND_NS
from replay.control.request import ControlRequest
from replay.exchange.place import Place
from replay.path.request import PathRequest
from replay.plan.pace import Extent, Pace, PaceRequest
from replay.plan.sending import SendRequest
from replay.plan.workers import WorkerRequest
from replay.report.reading import run_report_of
from replay.rewrite.stamps_at_sending import Stamp
from replay.scenario.course import Course, ramped_up
from replay.scenario.limits import Criteria, PhaseLimits
from replay.scenario.phases import Line, Phase
from replay.sessions.run import RunRequest, prepare, run
from replay.sessions.sink import SinkRequest, receive
from replay.supervision.abort_on_loss import AskedSink

COURSE = ramped_up(1000, 2 * SECOND_NS, SECOND_NS)
SINK = Place("127.0.0.1", 5600)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    capture = make_capture(tmp_path_factory.mktemp("run") / "a.rcap")
    return RunRequest(capture, "127.0.0.1", (5514, 5515), timed(Pace(1000)))


def timed(pace: Pace) -> PaceRequest:
    return PaceRequest(pace, Extent(events=10))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ports": ()}, "--ports: '' is not a list of ports"),
        ({"ports": 5514}, "--ports 5514: give the numbers themselves"),
        ({"ports": "514-553"}, "--ports '514-553': give the numbers themselves"),
        ({"ports": ("514",)}, "--ports ('514',): give the numbers themselves"),
        ({"ports": (514.0,)}, "--ports (514.0,): give the numbers themselves"),
        ({"capture": "a.rcap"}, "FILE 'a.rcap': write it like Path('a.json')"),
        ({"capture": None}, "FILE None: write it like Path('a.json')"),
        ({"time": Pace(1000)}, "time Pace(rate_eps=1000, speed=None, course=None): write it like PaceRequest(...)"),
        ({"time": PaceRequest(1000)}, "pace 1000: write it like Pace(...)"),
        ({"time": PaceRequest(Pace(1), 10)}, "extent 10: write it like Extent(...)"),
        ({"workers": 4}, "workers 4: write it like WorkerRequest(...)"),
        ({"path": "udp"}, "path 'udp': write it like PathRequest(...)"),
        ({"send": None}, "send None: write it like SendRequest(...)"),
        ({"sink": SINK}, "sink Place(host='127.0.0.1', port=5600): write it like AskedSink(...)"),
        ({"criteria": Fraction(0)}, "criteria Fraction(0, 1): write it like Criteria(...)"),
        ({"control": Path("a.sock")}, "control PosixPath('a.sock'): write it like ControlRequest(...)"),
        ({"target": None}, "--target None: a target is a text"),
        ({"family": "4"}, "--target 127.0.0.1: a target is a text, and of the family AF_INET or AF_INET6"),
        ({"stamp": "later"}, "--stamp 'later': choose one of now, shift, keep"),
        ({"run_id": "1f3a9c07"}, "--run-id '1f3a9c07': a whole number is needed"),
        ({"run_id": True}, "--run-id True: a whole number is needed"),
        ({"ports": (513,)}, "--ports: port 513 is outside 514-65535"),
        ({"ports": (65_536,)}, "--ports: port 65536 is outside"),
        ({"ports": (514, 514)}, "--ports: '514,514' has port 514 twice"),
        ({"ports": range(514, 615)}, "--ports: '514-614' has more than 100 ports"),
        ({"run_id": 0}, "--run-id 0: 1 to 4294967295 are possible"),
        ({"run_id": -1}, "--run-id -1: 1 to"),
        ({"run_id": 1 << 32}, "--run-id 4294967296: 1 to"),
        ({"time": timed(Pace(0))}, "--eps 0: a rate is 1 at least"),
        ({"time": timed(Pace(-5))}, "--eps -5: a rate is 1 at least"),
        ({"time": timed(Pace(speed=Fraction(-1)))}, "--speed -1: a speed is greater than 0"),
        ({"time": timed(Pace(2000.5))}, "--eps 2000.5: a whole number is needed"),
        ({"time": timed(Pace(speed=0.5))}, "--speed 0.5: write it like Fraction(3, 2)"),
        ({"time": PaceRequest(Pace(1), Extent(events=2.5))}, "--events 2.5: a whole number is needed"),
        ({"time": PaceRequest(Pace(1), Extent(loops="2"))}, "--loops '2': a whole number is needed"),
        ({"time": PaceRequest(Pace(1), Extent())}, "give one of --duration, --loops and --events"),
        ({"time": PaceRequest(Pace(1), start_at_ns=1 << 62)}, "--start-at: the start is more than 1d away"),
        ({"time": PaceRequest(Pace(1), start_at_ns=1_790_000_000)}, "--start-at: the start is more than 1d away"),
        ({"time": PaceRequest(Pace(1), start_at_ns=1e18)}, "--start-at 1e+18: a whole number is needed"),
        ({"time": timed(Pace(0, Fraction(1)))}, "--eps and --speed: a run has one pace"),
        ({"time": timed(Pace(1, Fraction(1)))}, "--eps and --speed: a run has one pace"),
        ({"workers": WorkerRequest(workers=-1)}, "--workers -1: say 1 or more"),
        ({"workers": WorkerRequest(workers=3)}, "--workers 3: there are 2 ports"),
        ({"workers": WorkerRequest(workers=1.0)}, "--workers 1.0: a whole number is needed"),
        ({"workers": WorkerRequest(cpus="0,2")}, "--cpus '0,2': write it like (0, 2, 3)"),
        ({"workers": WorkerRequest(cpus=("0",))}, "--cpus '0': a whole number is needed"),
        ({"workers": WorkerRequest(cpus=())}, "--cpus: name one core at least"),
        ({"workers": WorkerRequest(realtime_priority=0)}, "--realtime 0: 1 to 99 are possible"),
        ({"workers": WorkerRequest(realtime_priority=100)}, "--realtime 100: 1 to 99 are possible"),
        ({"send": SendRequest(train_max=0)}, "--train-max 0: 1 to 128 are possible"),
        ({"send": SendRequest(train_max=129)}, "--train-max 129: 1 to 128 are possible"),
        ({"send": SendRequest(batch_trains=0)}, "--batch 0: 1 to 32 are possible"),
        ({"send": SendRequest(calibration="c.json")}, "--calibration 'c.json': write it like Path("),
        ({"path": PathRequest(interface=2)}, "--interface 2: write it like 'eth0'"),
        ({"path": PathRequest(next_mac="02:00:00:00:00:01")}, "--dst-mac '02:00:00:00:00:01': write it like bytes"),
        ({"path": PathRequest(vlans=100)}, "--vlan 100: write it like (100,)"),
        ({"path": PathRequest(network="198.18.64.0/22")}, "--source-ips '198.18.64.0/22': write it like (4, "),
        ({"path": PathRequest(ports=5514)}, "--source-ports 5514: write it like range("),
        ({"path": PathRequest(next_mac=b"12345")}, "--dst-mac: has 5 bytes, and a MAC address has 6"),
        ({"path": PathRequest(vlans=(1, 2, 3))}, "--vlan: 3 tags, and a frame has 2 at most"),
        ({"path": PathRequest(vlans=(4095,))}, "--vlan 4095: 1 to 4094 are possible"),
        ({"path": PathRequest(ports=range(0))}, "--source-ports: is no range of neighbouring ports"),
        ({"path": PathRequest(ports=range(1, 9, 2))}, "--source-ports: is no range of neighbouring ports"),
        ({"path": PathRequest(ports=range(65_536, 65_537))}, "--source-ports 65536: 1 to 65535 are possible"),
        ({"sink": AskedSink(abort_loss=Fraction(1, 100))}, "--abort-loss: only a sink can measure that"),
        ({"criteria": Criteria(max_loss=Fraction(0))}, "--max-loss: only a sink can measure that"),
        ({"sink": AskedSink(token_path=Path("token"))}, "--sink-token-file: there is no sink to show it to"),
        ({"sink": AskedSink(SINK, "token")}, "--sink-token-file 'token': write it like Path("),
        ({"sink": AskedSink(SINK, Path("/none"))}, "--sink-token-file /none: No such file or directory"),
        ({"sink": AskedSink(Place("127.0.0.1", 70_000))}, "--sink: port 70000: 1 to 65535 are possible"),
        ({"sink": AskedSink(Place("127.0.0.1", "5600"))}, "--sink: port '5600': a whole number is needed"),
        ({"sink": AskedSink(Place("", 5600))}, "--sink: the host is empty"),
        ({"sink": AskedSink(("127.0.0.1", 5600))}, "--sink ('127.0.0.1', 5600): write it like Place("),
        ({"sink": AskedSink(SINK, abort_loss=0.01)}, "--abort-loss 0.01: a share is exact"),
        ({"sink": AskedSink(SINK, abort_loss=Fraction(2))}, "--abort-loss 2: a share is 0 to 1"),
        ({"sink": AskedSink(SINK), "criteria": Criteria(max_loss=Fraction(-1))}, "--max-loss -1: a share is 0 to 1"),
        ({"criteria": Criteria(max_cpu=Fraction(75))}, "--max-cpu 75: a share is 0 to 1"),
        ({"criteria": Criteria(max_cpu=0.75)}, "--max-cpu 0.75: a share is exact"),
        ({"criteria": Criteria(min_eps="1k")}, "--min-eps '1k': a whole number is needed"),
        ({"sink": AskedSink(SINK), "criteria": Criteria(max_latency_p99_ns=-1)}, "--max-latency-p99: -1 ns is no time"),
        ({"control": ControlRequest(None, None, None)}, "--eps-limit None: a whole number is needed"),
        ({"control": ControlRequest("a.sock")}, "--control 'a.sock': write it like Path("),
        ({"control": ControlRequest(rate_file="rate")}, "--rate-file 'rate': write it like Path("),
        ({"criteria": Criteria(min_eps=-1)}, "--min-eps -1: 0 at least is possible"),
    ],
)
def test_a_value_that_no_run_can_have_is_the_line_of_its_flag(
    sound: RunRequest, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refusal:
        prepare(replace(sound, **more))
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("more", "said"), [({"backend": "warp"}, "--backend 'warp'"), ({"mix": "even"}, "--source-mix 'even'")]
)
def test_a_choice_that_there_is_none_of_is_refused_at_once(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"{said}: choose one of auto, "):
        PathRequest(**more)


def test_a_plain_text_stands_for_its_choice(sound: RunRequest) -> None:
    plan = prepare(replace(sound, stamp="keep", path=PathRequest("udp"))).plan
    assert (plan.stamp, plan.choices["backend"]) == (Stamp.KEEP, "udp: asked for by --backend")


def test_the_sink_s_secret_is_read_when_the_run_is_prepared(sound: RunRequest, tmp_path: Path) -> None:
    path = tmp_path / "token"
    request = replace(sound, sink=AskedSink(SINK, path))
    path.write_text("the secret of both\n")
    assert "the secret of both" in prepare(request)
    assert path in request.inputs


def test_a_sound_request_becomes_a_plan(sound: RunRequest) -> None:
    assert prepare(sound).plan.ports == (5514, 5515)


def test_a_run_and_a_sink_go_on_in_threads_as_in_a_program_that_starts_both(sound: RunRequest) -> None:
    ended = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        ports = (collector.getsockname()[1],)
        here = SinkRequest("127.0.0.2", ports, duration_ns=SECOND_NS // 10)
        threads = [
            Thread(target=lambda: ended.append(receive(here).ended_by)),
            Thread(target=lambda: ended.append(run(replace(sound, ports=ports)).sent_events)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(ended) == {"duration", 10}


def test_a_run_follows_the_phases_of_a_course(sound: RunRequest) -> None:
    lines = [Line(SECOND_NS // 2, Fraction(eps), Fraction(eps)) for eps in (2000, 4000, 1000)]
    limits = PhaseLimits(max_loss=Fraction(0), min_eps=Fraction(10**9))
    phases = tuple(Phase(name, (line,), limits) for name, line in zip("abc", lines, strict=True))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        time = PaceRequest(Pace(4000, course=Course("x", 4000, phases)))
        report = run(replace(sound, ports=(collector.getsockname()[1],), time=time))
    assert report.sent_events == report.asked_events == 3500
    assert [phase.name for phase in report.phases] == ["a", "b", "c"]
    assert sum(phase.sent_events or 0 for phase in report.phases) == 3500
    assert sum(phase.due_events or 0 for phase in report.phases) == 3500
    assert report.scenario == "x"
    assert report.verdict == "missed"
    assert "phase a: min_eps 1,000,000,000: " in report.reason
    assert "loss" not in report.reason  # nobody measures it
    assert report == run_report_of(report.figures())


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (PaceRequest(Pace(1, course=COURSE), Extent(loops=1)), "a scenario says itself how long it is"),
        (PaceRequest(Pace(1, Fraction(1), COURSE)), "--eps and --speed: a run has one pace"),
        (PaceRequest(Pace(1, course=5)), "course 5: write it like Course(...)"),  # type: ignore[arg-type]
    ],
)
def test_a_course_that_can_not_be_is_refused(sound: RunRequest, time: PaceRequest, said: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare(replace(sound, time=time))
    assert said in str(caught.value)


def test_a_course_over_the_limit_is_refused(sound: RunRequest) -> None:
    course = ramped_up(10_000_000, 2 * SECOND_NS, SECOND_NS)
    with pytest.raises(InputError, match="ramp-up asks for 10,000,000 EPS at its peak, which is over the limit"):
        prepare(replace(sound, time=PaceRequest(Pace(10_000_000, course=course))))
