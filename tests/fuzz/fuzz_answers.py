"""Hostile peers: a sink that answers whatever it likes, and clients that ask a sink or a run whatever they like.

Whatever comes, the run goes on, what it says of the sink is sense or "not measured", and each request has an answer.
"""

import json
import random
import socket
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from captures.console.errors import PreflightError
from captures.format.reader import open_capture
from replay.clock import SECOND_NS, monotonic_ns
from replay.control.commands import COMMANDS, Controls
from replay.exchange import json_request
from replay.exchange.answers import run_status
from replay.exchange.json_request import Clients, ask
from replay.exchange.place import Place
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import plan_run
from replay.plan.workers import plan_workers
from replay.rewrite.stamps_at_sending import Stamp
from replay.sink.board import shared_tally
from replay.sink.publish import Publisher
from replay.sink.workers import sockets_of_workers
from replay.supervision.loss_watch import SinkWatch
from replay.supervision.supervisor import Supervisor
from tests.captures.content import content, noise, write

PORTS = (514, 515)
RUN = "1f3a9c07"
_ODD = (
    *(
        "null",
        "true",
        "[]",
        "{}",
        '""',
        '"1"',
        "-1",
        "0",
        "1",
        "0.5",
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "-Infinity",
    ),
    *(
        "9" * 19,
        "9" * 400,
        "9" * 5000,
        str((1 << 63) - 1),
        str(1 << 63),
        '"\\u001b[2J"',
        '"\\ud800"',
        "1e308",
        "-0.0",
        "-Infinity",
    ),
    *("[" * 300 + "]" * 300, "[" * 20_000, '{"a":' * 5000, '"' + "x" * 3000 + '"'),
)


def fuzz_answers(seconds: float, seed: int) -> int:
    """Try hostile answers and requests for so long; returns how many. Raises what must not be raised."""
    rng = random.Random(seed)
    tried, end = 0, time.monotonic() + seconds
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        clients = Clients(listener)
        peers = _peers(Path(folder))
        while time.monotonic() < end:
            _try_sink(rng)
            _try_requests(rng, listener, clients, rng.choice(peers))
            tried += 2
    return tried


def _try_sink(rng: random.Random) -> None:
    """A run that asks a hostile sink at its start, each second and at its end."""
    honest_until = rng.choice((0, 1, 1, 2))
    asked = [0]

    def answer(words: Sequence[str]) -> dict[str, Any]:
        asked[0] += 1
        line = _honest() if asked[0] <= honest_until else _hostile(rng)
        return ask(_Peer(line), words, monotonic_ns() + SECOND_NS)

    watch = SinkWatch("198.18.0.2:5600", PORTS, rng.choice((None, RUN)), answer, shortest_bytes=100)
    try:
        watch.begin()
    except PreflightError as error:
        told = str(error)
    else:
        told = ""
    assert not told or told.isprintable()
    if told:
        return
    now = [0]

    def sleep_ns(wait_ns: int) -> None:
        now[0] += wait_ns

    for sent in (100, 2000, 5000):
        watch.look([sent, sent])
        watch.exceeds(0.5)
        assert watch.fault.isprintable()
    watch.settle([5000, 5000], lambda: now[0], sleep_ns)
    figures = watch.figures()
    json.dumps(figures, allow_nan=False)
    if figures["lost_events"] is not None:
        assert 0 <= figures["lost_events"] <= 10_000
        assert 0 <= figures["loss_percent"] <= 100
        assert figures["received_events"] >= 0


class _Peer:
    """The other end of a connection: what it says comes in pieces, whatever it is asked."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def settimeout(self, _seconds: float) -> None:
        pass

    def sendall(self, _request: bytes) -> None:
        if not self._said:
            raise ConnectionResetError(104, "Connection reset by peer")

    def recv(self, most: int) -> bytes:
        part, self._said = self._said[:most], self._said[most:]
        return part


def _honest() -> bytes:
    return json.dumps(_counters()).encode() + b"\n"


def _counters() -> dict[str, Any]:
    counts = {"received_events": 90, "verified_events": 90, "lost_events": 3, "waiting_bytes": 0}
    return {"run_id": RUN, "since_ns": 17, "latency_p99_ms": 1.5, "ports": {str(port): counts for port in PORTS}}


def _hostile(rng: random.Random) -> bytes:
    """An answer with one thing or several replaced, cut, flipped, or none of it sense."""
    text = json.dumps(rng.choice((_counters(), {"error": "no"})))
    for _ in range(rng.randint(0, 3)):
        values = ("90", "3", "17", "1.5", "0", f'"{RUN}"', '"no"', '"514"', '"ports"', '"lost_events"')
        text = text.replace(rng.choice(values), rng.choice(_ODD), rng.choice((1, -1)))
    line = bytearray(text.encode(errors="surrogatepass") + b"\n")
    for _ in range(rng.choice((0, 0, 0, 1, 5))):
        line[rng.randrange(len(line))] = rng.randrange(256)
    if rng.random() < 0.1:
        del line[rng.randrange(len(line)) :]
    return bytes(line) if rng.random() < 0.95 else rng.choice((b"", rng.randbytes(200), rng.choice(_ODD).encode()))


def _try_requests(
    rng: random.Random, listener: socket.socket, clients: Clients, obey: Callable[[Sequence[str]], dict[str, Any]]
) -> None:
    """Several clients at once, some of whom say nothing, leave, or send what is no request."""
    asking: list[socket.socket] = []
    for _ in range(rng.randint(1, 5)):
        client = socket.create_connection(listener.getsockname(), 5)
        if rng.random() < 0.8:
            client.sendall(_request(rng))
            asking.append(client)
        else:
            client.close()
    for client in asking:
        client.shutdown(socket.SHUT_WR)
        for _ in range(3):
            clients.poll(obey)
        said = json.loads(client.makefile("rb").readline())
        assert isinstance(said, dict)
        if "error" not in said and "state" in said:
            run_status(said)
        client.close()


def _request(rng: random.Random) -> bytes:
    words: list[Any] = rng.choice(
        (
            [rng.choice(COMMANDS)],
            [rng.choice(("rate", "speed")), _number(rng)],
            ["begin", rng.choice((RUN, "00000000", "xyz", "\udc00" * 8, "1" * 9))],
            ["counters", ",".join(f"{_number(rng)}:{_number(rng)}" for _ in range(rng.randint(0, 150)))],
            ["proof", _number(rng), "begin", RUN],
            [],
            ["stop", None],
        )
    )
    line = bytearray(json.dumps(words).encode())
    if rng.random() < 0.2:
        line[rng.randrange(len(line))] = rng.randrange(256)
    return bytes(line[: json_request.LONGEST_REQUEST_BYTES - 2]) + b"\n"


def _number(rng: random.Random) -> str:
    plain = str(rng.choice((0, 1, 514, 515, 1000, 2**31, 2**63, -1, rng.getrandbits(80))))
    odd = (
        "1e4000000",
        "-0",
        "1/3",
        "1/0",
        "nan",
        "inf",
        "9" * 3000,
        "1_0",
        "\u0663",
        "2M",
        "0.5",
        "",
        " 7 ",
        "\x1b[2J",
    )
    return rng.choice((plain, rng.choice(odd)))


def _peers(folder: Path) -> list[Callable[[Sequence[str]], dict[str, Any]]]:
    """A sink that publishes, and runs at a rate, along a time axis, and as fast as it goes."""
    tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), 0)
    publisher = Publisher(Place("127.0.0.1", 0), tally, lambda: [(3, 0), (4, 0)])
    publisher.close()
    write(folder / "timed.rcap", content(noise([(100, 30)] * 10), [5], window_ns=[500_000_000, 1_500_000_000]))
    capture = open_capture(folder / "timed.rcap")
    listener: Any = SimpleNamespace(poll=lambda _obey: None)
    peers = [publisher.obey]
    for pace in (Pace(20_000), Pace(speed=Fraction(2)), Pace()):
        plan = plan_run(
            capture,
            target=Target(socket.AF_INET, "127.0.0.1"),
            ports=PORTS,
            pace=pace,
            extent=Extent(duration_ns=SECOND_NS),
            train_max=128,
            segments=1,
            stamp=Stamp.NOW,
            workers=plan_workers(1, len(PORTS), [0]),
        )
        supervisor = Supervisor(capture, plan)
        supervisor.board.control["start_ns"] = monotonic_ns()
        peers.append(Controls(supervisor, listener, None, 5_000_000, lambda _: None).obey)
    return peers


if __name__ == "__main__":
    print(fuzz_answers(float(sys.argv[1]), int(sys.argv[2])), "answers and requests")
