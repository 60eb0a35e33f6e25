"""How is a run controlled, and a sink asked? By one request a connection, a line of JSON each way. unix(7), tcp(7).

The request is a list of words, like ["rate", "2M"]. The answer is an object, with a field `error` when the request was
refused. The answering side has other work, so it never waits for a client: it looks now and then, reads what has come,
and drops clients that need too long. What either side reads is bounded in length, in time and in depth.
"""

import json
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from captures.console.errors import InputError
from replay.clock import SECOND_NS, monotonic_ns
from replay.json_file import no_number

Answer = dict[str, Any]

LONGEST_REQUEST_BYTES: Final = 4096
_LONGEST_ANSWER_BYTES: Final = 1 << 16
PATIENCE_NS: Final = 2 * SECOND_NS
"""How long a client may take from its connection to the end of the answer, however it sends the request."""
MOST_CLIENTS: Final = 64
"""The most clients connected at once. A further client replaces the one that has been silent for longest."""
_ANSWERS_AT_ONCE: Final = 8
"""The most requests answered at one look; the others wait for the next, since the answering side has other work."""


@dataclass
class _Client:
    """A client that has connected and does not have its whole answer yet."""

    sock: socket.socket
    deadline_ns: int
    request: bytearray = field(default_factory=bytearray)
    complete: bool = False
    """Whether the whole request has come, or nothing more will come."""
    answer: memoryview | None = None
    """The part of the answer that is still to be written; None: there is no answer yet."""

    def receive(self) -> None:
        """Read what has come. Raises BlockingIOError when more is needed, OSError when the client is gone."""
        while not self.complete:
            part = self.sock.recv(LONGEST_REQUEST_BYTES)
            self.request += part
            self.complete = not part or b"\n" in part or len(self.request) >= LONGEST_REQUEST_BYTES

    def send(self, answer: memoryview) -> None:
        """Write as much as the socket takes. Raises BlockingIOError while something is left, OSError."""
        self.answer = answer
        while self.answer:
            self.answer = self.answer[self.sock.send(self.answer) :]


class Clients:
    """The clients of a listening socket. Call `poll` regularly; it never waits."""

    def __init__(self, listener: socket.socket) -> None:
        """Listen on a bound socket, which the caller has to close. Raises OSError."""
        listener.settimeout(0)
        listener.listen(MOST_CLIENTS)
        self._listener = listener
        self._clients: list[_Client] = []
        """The connected clients, in the order in which they came."""

    def poll(self, obey: Callable[[Sequence[str]], Answer]) -> None:
        """Let `obey` answer the requests that have come; it raises InputError for a request that it refuses."""
        now_ns = monotonic_ns()
        self._accept(now_ns)
        left = _ANSWERS_AT_ONCE
        staying = []
        for client in self._clients:
            try:
                client.receive()
                if client.answer is None and left:
                    left -= 1
                    client.send(memoryview(_line(_answer(bytes(client.request), obey))))
                elif client.answer is not None:
                    client.send(client.answer)
                stays = client.answer is None
            except BlockingIOError:
                stays = now_ns < client.deadline_ns
            except OSError:
                stays = False
            if stays:
                staying.append(client)
            else:
                client.sock.close()
        self._clients = staying

    def _accept(self, now_ns: int) -> None:
        """Accept new clients. If there are too many, drop the one that has been silent for longest."""
        for _ in range(MOST_CLIENTS):
            try:
                sock, _ = self._listener.accept()
            except OSError:  # no client waits; or no file descriptor is left, which must not end the run
                return
            sock.settimeout(0)
            if len(self._clients) >= MOST_CLIENTS:
                idle = next((client for client in self._clients if not client.complete), self._clients[0])
                self._clients.remove(idle)
                idle.sock.close()
            self._clients.append(_Client(sock, now_ns + PATIENCE_NS))

    def close(self) -> None:
        """Disconnect all clients."""
        for client in self._clients:
            client.sock.close()
        self._clients.clear()


def _answer(request: bytes, obey: Callable[[Sequence[str]], Answer]) -> Answer:
    words = None
    with suppress(ValueError):
        words = _parsed(request.partition(b"\n")[0])
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return {"error": 'a request is a list of words in JSON, like ["rate", "2M"]'}
    try:
        return obey(words)
    except InputError as error:
        return {"error": str(error)}


def ask(client: socket.socket, words: Sequence[str], deadline_ns: int) -> Answer:
    """The answer to a request, which is sent by a connected socket.

    Raises OSError, also when there is no answer by `deadline_ns`; ValueError when what comes is no answer.
    """
    wait_until(client, deadline_ns)
    client.sendall(_line(list(words)))
    answer = _parsed(_read_line(client, _LONGEST_ANSWER_BYTES, deadline_ns))
    if not isinstance(answer, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - the same error as for text that is not JSON
    return answer


def _line(content: Any) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _parsed(line: bytes) -> Any:
    """The content of a line of JSON. Raises ValueError, also for depths and numbers that only an attacker sends."""
    try:
        return json.loads(line, parse_constant=no_number)
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None


def wait_until(sock: socket.socket, deadline_ns: int) -> None:
    """Let the socket's next call wait until `deadline_ns` at most. Raises TimeoutError when that is past."""
    left_ns = deadline_ns - monotonic_ns()
    if left_ns <= 0:
        raise TimeoutError("no answer in time")
    sock.settimeout(left_ns / SECOND_NS)


def _read_line(sock: socket.socket, longest: int, deadline_ns: int) -> bytes:
    """Read up to the end of a line. Raises TimeoutError; ValueError when the line is longer than `longest`."""
    read = bytearray()
    while len(read) <= longest:
        wait_until(sock, deadline_ns)
        part = sock.recv(longest)
        read += part
        if not part or b"\n" in part:
            return bytes(read.partition(b"\n")[0])
    raise ValueError(f"more than {longest} bytes")
