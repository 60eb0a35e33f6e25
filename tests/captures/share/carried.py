"""Captures to carry, and a web server that takes them, has them, and fails as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from captures.format.layout import StampKind
from tests.captures.content import START_NS, content, noise, timed, write

BLOCK_BYTES = 16 << 20


def large(path: Path) -> Path:
    """Write a capture whose payload has three blocks; with what stands before it, four."""
    held = content(noise([(128, 500)] * 550), styles=[(StampKind.NONE, 0)] * 550, start_ns=START_NS)
    write(path, held)
    assert 2 * BLOCK_BYTES < len(held.payload) < 3 * BLOCK_BYTES
    return path


def small(path: Path, events: int = 16) -> Path:
    """Write a capture with a time axis, which zstd makes smaller."""
    write(path, timed([2, 3], [10**9, 10**9], train=events))
    return path


@dataclass
class Web:
    """A web server over a folder, on loopback."""

    folder: Path
    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """What was asked for, in turn: method and path."""
    faults: list[Callable[[str, str, bytes], bytes | int | None]] = field(default_factory=list)
    """Are asked about each GET and PUT, with its path and body: other bytes, a status, or None for no fault."""
    cut_bytes: int | None = None
    """A GET of a block ends after so many bytes, though its header promised all of them."""

    def moved(self, method: str) -> list[str]:
        """The blocks that were asked for by a method."""
        return [path for asked, path in self.requests if asked == method and "/blocks/" in path]


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        path = self.web.folder / self.path.lstrip("/")
        self._answer(200 if path.is_file() else 404, path.read_bytes() if path.is_file() else b"", body=False)

    def do_GET(self) -> None:
        self.web.requests.append(("GET", self.path))
        path = self.web.folder / self.path.lstrip("/")
        if not path.is_file():
            self._answer(404, b"")
            return
        data, status = self._faulty("GET", path.read_bytes())
        self._answer(status, data)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.web.requests.append(("PUT", self.path))
        data, status = self._faulty("PUT", data)
        if status == 200:
            path = self.web.folder / self.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._answer(status, b"")

    def _faulty(self, method: str, data: bytes) -> tuple[bytes, int]:
        for fault in self.web.faults:
            match fault(method, self.path, data):
                case int(status):
                    return b"", status
                case bytes(other):
                    return other, 200
        return data, 200

    def _answer(self, status: int, data: bytes, *, body: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        cut = self.web.cut_bytes if "/blocks/" in self.path and self.command == "GET" else None
        if body:
            self.wfile.write(data[:cut])
        if body and cut is not None:
            self.wfile.flush()
            self.close_connection = True


@contextmanager
def web_server(folder: Path) -> Iterator[Web]:
    """Serve a folder."""
    web = Web(folder)
    handler = type("Handler", (_Handler,), {"web": web})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        web.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


def mangled(data: bytes, place: int, mask: int = 0xFF) -> bytes:
    """The same bytes, but for one of them."""
    changed = np.frombuffer(data, np.uint8).copy()
    changed[place] ^= mask
    return changed.tobytes()
