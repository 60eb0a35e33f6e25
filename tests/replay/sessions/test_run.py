"""What is asked of a run from Python: a value that no flag could have is refused in one line, and nothing is sent."""

import socket
from dataclasses import replace
from fractions import Fraction
from threading import Thread
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.calibration.capture import make_capture
from replay.clock import SECOND_NS
from replay.exchange.place import Place
from replay.path.request import PathRequest
from replay.plan.pace import Extent, Pace, PaceRequest
from replay.plan.sending import SendRequest
from replay.plan.workers import WorkerRequest
from replay.report.criteria import Criteria
from replay.sessions.run import RunRequest, prepare, run
from replay.sessions.sink import SinkRequest, receive
from replay.supervision.abort_on_loss import AskedSink

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
        ({"time": timed(Pace(1, Fraction(1)))}, "--eps and --speed: a run has one pace"),
        ({"workers": WorkerRequest(workers=-1)}, "--workers -1: say 1 or more"),
        ({"workers": WorkerRequest(workers=3)}, "--workers 3: there are 2 ports"),
        ({"workers": WorkerRequest(cpus=())}, "--cpus: name one core at least"),
        ({"workers": WorkerRequest(realtime_priority=0)}, "--realtime 0: 1 to 99 are possible"),
        ({"workers": WorkerRequest(realtime_priority=100)}, "--realtime 100: 1 to 99 are possible"),
        ({"send": SendRequest(train_max=0)}, "--train-max 0: 1 to 128 are possible"),
        ({"send": SendRequest(train_max=129)}, "--train-max 129: 1 to 128 are possible"),
        ({"send": SendRequest(batch_trains=0)}, "--batch 0: 1 to 32 are possible"),
        ({"path": PathRequest(next_mac=b"12345")}, "--dst-mac: has 5 bytes, and a MAC address has 6"),
        ({"path": PathRequest(vlans=(1, 2, 3))}, "--vlan: 3 tags, and a frame has 2 at most"),
        ({"path": PathRequest(vlans=(4095,))}, "--vlan 4095: 1 to 4094 are possible"),
        ({"path": PathRequest(ports=range(0))}, "--source-ports: is no range of neighbouring ports"),
        ({"path": PathRequest(ports=range(1, 9, 2))}, "--source-ports: is no range of neighbouring ports"),
        ({"path": PathRequest(ports=range(65_536, 65_537))}, "--source-ports 65536: 1 to 65535 are possible"),
        ({"sink": AskedSink(abort_loss=Fraction(1, 100))}, "--abort-loss: only a sink can measure that"),
        ({"criteria": Criteria(max_loss=Fraction(0))}, "--max-loss: only a sink can measure that"),
        ({"sink": AskedSink(SINK, abort_loss=Fraction(2))}, "--abort-loss 2: a share is 0 to 1"),
        ({"sink": AskedSink(SINK), "criteria": Criteria(max_loss=Fraction(-1))}, "--max-loss -1: a share is 0 to 1"),
        ({"criteria": Criteria(max_cpu=Fraction(75))}, "--max-cpu 75: a share is 0 to 1"),
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
