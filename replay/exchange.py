"""One request a connection, a line of JSON each way: how a run is controlled, and how a sink is asked. unix(7), tcp(7).

The request is a list of words, like ["rate", "2M"]; the answer an object, with `error` when it was refused. Who answers
has other things to do: nothing of it ever waits for long.
"""

import json
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from captures.errors import InputError
from replay.clock import SECOND_NS, monotonic_ns

Answer = dict[str, Any]

LONGEST_REQUEST_BYTES: Final = 4096
_LONGEST_ANSWER_BYTES: Final = 1 << 16
_PATIENCE_NS: Final = SECOND_NS // 5
"""How long a client may take over its line and the answer, in whatever pieces."""
_AT_ONCE: Final = 4


def listen(listener: socket.socket) -> None:
    """Make a bound socket one that `answer_waiting` takes. Raises OSError."""
    listener.settimeout(0)
    listener.listen(_AT_ONCE)


def answer_waiting(listener: socket.socket, obey: Callable[[Sequence[str]], Answer]) -> None:
    """Have `obey` answer the requests that are waiting; it raises InputError for those it refuses."""
    for _ in range(_AT_ONCE):
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        with client, suppress(OSError):
            deadline_ns = monotonic_ns() + _PATIENCE_NS
            request = _read_line(client, LONGEST_REQUEST_BYTES, deadline_ns)
            wait_until(client, deadline_ns)
            client.sendall(_line(_answer(request, obey)))


def _answer(line: bytes, obey: Callable[[Sequence[str]], Answer]) -> Answer:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):  # the latter of thousands of brackets
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return {"error": 'a request is a list of words in JSON, like ["rate", "2M"]'}
    try:
        return obey(words)
    except InputError as error:
        return {"error": str(error)}


def ask(client: socket.socket, words: Sequence[str], deadline_ns: int) -> Answer:
    """The answer to a request, from a connected socket, by then. Raises OSError; ValueError: it is no answer."""
    wait_until(client, deadline_ns)
    client.sendall(_line(list(words)))
    answer = json.loads(_read_line(client, _LONGEST_ANSWER_BYTES, deadline_ns))
    if not isinstance(answer, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - as of what is no JSON at all
    return answer


def _line(content: Any) -> bytes:
    return json.dumps(content).encode() + b"\n"


def wait_until(sock: socket.socket, deadline_ns: int) -> None:
    """Have the socket's next call last no longer than that. Raises TimeoutError when it is over."""
    left_ns = deadline_ns - monotonic_ns()
    if left_ns <= 0:
        raise TimeoutError("no answer in time")
    sock.settimeout(left_ns / SECOND_NS)


def _read_line(sock: socket.socket, longest: int, deadline_ns: int) -> bytes:
    """What comes up to the end of a line, within bounds. Raises TimeoutError."""
    read = b""
    while not read.endswith(b"\n") and len(read) < longest:
        wait_until(sock, deadline_ns)
        part = sock.recv(longest)
        if not part:
            break
        read += part
    return read
