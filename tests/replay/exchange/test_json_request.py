"""A line of JSON each way: who answers waits for nobody, and neither side is at the mercy of the other."""

import json
import socket

import pytest

from replay.clock import SECOND_NS, monotonic_ns
from replay.exchange import json_request
from replay.exchange.json_request import MOST_CLIENTS, PATIENCE_NS, Clients, ask


class Desk:
    """A listener on loopback, its clients, and a clock that stands still until it is told."""

    def __init__(self, monkeypatch):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.clients = Clients(self.listener)
        self.now_ns = 0
        self.obeyed = []
        monkeypatch.setattr(json_request, "monotonic_ns", lambda: self.now_ns)

    def connect(self):
        return socket.create_connection(self.listener.getsockname(), 5)

    def poll(self):
        self.clients.poll(self.obey)

    def obey(self, words):
        self.obeyed.append(list(words))
        return {"said": words}


@pytest.fixture
def desk(monkeypatch):
    made = Desk(monkeypatch)
    yield made
    made.clients.close()
    made.listener.close()


def answer_of(client):
    return json.loads(client.makefile().readline())


def gone(client):
    """Whether the other side has closed the connection."""
    client.settimeout(5)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("silent", [4, MOST_CLIENTS - 1, MOST_CLIENTS, 2 * MOST_CLIENTS])
def test_silent_clients_are_in_nobodys_way(desk, silent):
    """A single look answers, though the clock stands still: nobody was waited for."""
    idle = []
    for _ in range(silent):
        idle.append(desk.connect())
        desk.poll()
    idle[-1].sendall(b'["half a')
    with desk.connect() as client:
        client.sendall(b'["status"]\n')
        desk.poll()
        assert answer_of(client) == {"said": ["status"]}
    assert len(desk.clients._clients) == min(silent, MOST_CLIENTS) - (silent >= MOST_CLIENTS)
    for each in idle:
        each.close()


def test_who_takes_too_long_is_dropped_and_pieces_are_put_together(desk):
    with desk.connect() as silent, desk.connect() as slow:
        desk.poll()
        for piece in (b'["sta', b'tus"', b"]\n"):
            slow.sendall(piece)
            desk.now_ns += PATIENCE_NS // 4
            desk.poll()
        assert answer_of(slow) == {"said": ["status"]}
        desk.now_ns = PATIENCE_NS
        desk.poll()
        assert gone(silent)
    assert not desk.clients._clients


def test_many_requests_at_once_are_answered_in_their_order_a_few_at_each_look(desk):
    asking = [desk.connect() for _ in range(20)]
    for number, client in enumerate(asking):
        client.sendall(json.dumps([str(number)]).encode() + b"\n")
    looks = 0
    while len(desk.obeyed) < 20:
        before = len(desk.obeyed)
        desk.poll()
        looks += 1
        assert len(desk.obeyed) - before <= 8
    assert [words[0] for words in desk.obeyed] == [str(number) for number in range(20)]
    for client in asking:
        assert "said" in answer_of(client)
        client.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"[1]\n",
        b"[" * 4000 + b"\n",
        b"[" * 5000,
        b'["a", NaN]\n',
        b"\xff\xfe\n",
        b"9" * 5000,
    ],
)
def test_nonsense_is_answered_and_ends_nothing(desk, request_bytes):
    with desk.connect() as client:
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        for _ in range(3):
            desk.poll()
        assert "a request is a list of words" in answer_of(client)["error"]
    assert not desk.obeyed


def test_a_client_that_left_is_forgotten_and_one_that_does_not_read_is_dropped(desk):
    for _ in range(3):
        desk.connect().close()
    desk.obey = lambda _words: {"said": "x" * (64 << 20)}
    with desk.connect() as deaf:
        deaf.sendall(b'["status"]\n')
        desk.poll()
        assert len(desk.clients._clients) == 1
        desk.now_ns += PATIENCE_NS
        desk.poll()
    assert not desk.clients._clients


def test_no_descriptor_left_ends_nothing(desk):
    class Exhausted:
        def accept(self):
            raise OSError(24, "Too many open files")

    desk.clients._listener = Exhausted()
    desk.poll()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (b"[1]\n", "no JSON object"),
        (b"[" * 60_000 + b"\n", "nested too deep"),
        (b'{"a": Infinity}\n', "Infinity is no number"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", "digits"),
        (b"{", "Expecting"),
        (b"x" * 70_000, "more than 65536 bytes"),
    ],
)
def test_an_answer_that_is_none_is_refused(said, complaint):
    near, far = socket.socketpair()
    with near, far:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        far.sendall(said)
        far.shutdown(socket.SHUT_WR)
        with pytest.raises(ValueError, match=complaint):
            ask(near, ["counters", ""], monotonic_ns() + 5 * SECOND_NS)


def test_one_who_writes_piece_by_piece_is_not_waited_for_again_and_again(monkeypatch):
    """Each piece comes in time, and the line never ends; on a clock that takes a tenth of a second for each look."""
    ticks = iter(range(0, 10**12, SECOND_NS // 10))
    monkeypatch.setattr(json_request, "monotonic_ns", lambda: next(ticks))
    pieces = []

    class Dripping:
        def recv(self, _most):
            pieces.append(b"[")
            return b"["

        def settimeout(self, seconds):
            assert seconds > 0

        def sendall(self, _line):
            pass

    with pytest.raises(TimeoutError):
        ask(Dripping(), ["counters", ""], SECOND_NS)
    assert 1 < len(pieces) < 12
