"""How does a whole export go? The capture is opened, and its events are written piece by piece, in their own order."""

import errno
import gzip
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from captures import __version__
from captures.compiled.readiness import make_ready
from captures.compiled.words import WORD_BYTES, words_of
from captures.console.errors import InputError, PreflightError, RunError
from captures.convert.export_request import ExportRequest, Form, Packing
from captures.convert.exporting.addressing import Addressing
from captures.convert.exporting.instants import Instants
from captures.convert.exporting.order import Piece, pieces
from captures.events.gathering import as_lines
from captures.events.gathering import compilations as gatherings
from captures.events.proving import Proof
from captures.files.behind import MOST_WAITING, Behind
from captures.files.output_file import FULL, OutputFile
from captures.files.room import too_large
from captures.format.capture import Capture
from captures.format.layout import canonical_json
from captures.format.sections import FLOW
from captures.packets.writing.frames import FLOW_RECORD
from captures.packets.writing.records import MOST_RECORD_BYTES, PCAP_HEADER, pcapng_header, write_packets
from captures.share.cache import open_any

SCHEMA: Final = 1
"""The version of the figures of an export, as JSON."""
_GZIP_LEVEL: Final = 6
_ZSTD_LEVEL: Final = 3
_LAST_PCAP_NS: Final = (1 << 32) * 1_000_000_000
"""The header of a record of pcap has 32 bits for the second."""


@dataclass(frozen=True)
class Exported:
    """What came of an export."""

    events: int
    payload_bytes: int
    written_bytes: int
    """Before packing."""
    digest: str
    """Of the capture."""

    def as_json(self) -> dict[str, Any]:
        """All figures, for machines."""
        return {"schema": SCHEMA, **vars(self)}


def export_capture(request: ExportRequest, progress: Callable[[int], object] = int) -> Exported:
    """Write the events of a capture as the request says. `progress` gets the number of events since its last call.

    Nothing is written of a block of the payload, or by a table, that differs from its digest. Raises CaptureError,
    InputError for what the capture can't give, PreflightError when the disk is full, and RunError.
    """
    capture = open_any(request.capture)
    request.check(capture.events)
    make_ready("the export", _compilations())
    writer = _Lines(capture) if request.form is Form.LINES else _Packets(capture, request)
    with ExitStack() as stack:
        output = _output(request, capture, stack)
        proof = stack.enter_context(Proof(capture))
        file = sys.stdout.buffer if output is None else stack.enter_context(open(output.fd, "wb", closefd=False))
        try:
            done = _written(request, capture, writer, proof, file, progress)
            if output is not None:
                output.finish()
        except OSError as error:
            raise _failed(request.output, error) from None
    return done


def _written(
    request: ExportRequest,
    capture: Capture,
    writer: "_Lines | _Packets",
    proof: Proof,
    file: IO[bytes],
    progress: Callable[[int], object],
) -> Exported:
    """Write all that is asked for into a file. Raises DamagedError, InputError, OSError."""
    end = capture.events if request.end is None else min(request.end, capture.events)
    events, payload_bytes, written_bytes = 0, 0, len(writer.head)
    packer = _packer(file, request.packing) if request.packing else file
    with closing(Behind()) as behind:

        def put(body: bytes | memoryview) -> None:
            """Write it; a pipe may wait for its reader, and a signal ends that only in this thread."""
            if request.output is None:
                packer.write(body)
            else:
                behind.do(packer.write, body)

        put(writer.head)
        for piece in pieces(capture, request.first, end):
            proof.require(piece.place, piece.length)
            body = writer.body(piece)
            capture.source.check()
            put(body)
            events, payload_bytes = events + len(piece.number), payload_bytes + int(piece.length.sum())
            written_bytes += len(body)
            progress(len(piece.number))
        behind.finish()
    if packer is not file:
        packer.close()
    file.flush()
    return Exported(events, payload_bytes, written_bytes, capture.digest)


def _failed(output: Path | None, error: OSError) -> Exception:
    """What to raise where the output can't be written."""
    if error.errno in FULL:
        return PreflightError(f"{output or 'stdout'}: the disk is full; free some, or write less")
    if error.errno == errno.EFBIG:
        return too_large(output or Path("stdout"))
    if output is None and not isinstance(error, BrokenPipeError):
        return RunError(f"stdout can't be written: {error.strerror}")
    return error


def _output(request: ExportRequest, capture: Capture, stack: ExitStack) -> OutputFile | None:
    """The file that is written; None: stdout. Raises InputError."""
    if request.output is not None:
        return stack.enter_context(OutputFile(request.output, force=request.force, inputs=capture.files))
    if sys.stdout.isatty() and (request.form is not Form.LINES or request.packing):
        raise InputError("packets are not for a terminal; name a file, or let a program read them: | tcpdump -r -")
    return None


def _packer(file: IO[bytes], packing: Packing) -> Any:
    """What packs into a file. The same events give the same bytes: no time is written."""
    if packing is Packing.GZIP:
        return gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
    return zstandard.ZstdCompressor(_ZSTD_LEVEL, threads=-1).stream_writer(file, closefd=False)


class _Lines:
    """Writes events as text."""

    head = b""

    def __init__(self, capture: Capture) -> None:
        self._payload = capture.payload

    def body(self, piece: Piece) -> memoryview:
        """The lines of a piece."""
        return as_lines(self._payload, piece.place, piece.length).data


class _Packets:
    """Writes events as packets."""

    def __init__(self, capture: Capture, request: ExportRequest) -> None:
        self._capture, self._pcapng = capture, request.form is Form.PCAPNG
        self._instants = Instants(capture, request.rate_eps)
        self._addressing = Addressing(capture, request.addresses)
        self._rooms = deque(np.empty(0, np.uint8) for _ in range(1 + MOST_WAITING))
        self.head = pcapng_header(_comments(capture), f"stampede {__version__}") if self._pcapng else PCAP_HEADER

    def body(self, piece: Piece) -> memoryview:
        """The packets of a piece, valid until MOST_WAITING further ones were made.

        Raises InputError for an instant that pcap can't say.
        """
        capture = self._capture
        instants_ns = self._instants.of(piece)
        if not self._pcapng and int(instants_ns.max()) >= _LAST_PCAP_NS:
            raise InputError(f"{capture.path}: pcap ends in the year 2106; write pcapng")
        original = capture.original[piece.event].astype(np.int64) if len(capture.original) else piece.length
        out = self._room_for(int(piece.length.sum()) + MOST_RECORD_BYTES * len(piece.number))
        flow_of, flows = self._addressing.of(piece), self._addressing.flows
        size = write_packets(
            out,
            words_of(out),
            capture.payload,
            piece.place,
            piece.length,
            original,
            instants_ns,
            flow_of,
            flows,
            self._pcapng,
        )
        return out[:size].data

    def _room_for(self, size: int) -> NDArray[np.uint8]:
        """Memory that is used again: fresh memory costs the kernel as much time as writing the packets."""
        self._rooms.rotate()
        if len(self._rooms[0]) < size:
            self._rooms[0] = np.empty(size + size // 4, np.uint8)
        return self._rooms[0]


def _comments(capture: Capture) -> list[str]:
    """What the section of a pcapng file says: which capture it is of, and its recipe or where it came from."""
    texts = [f"capture {capture.path.name}, digest {capture.digest}"]
    for name, value in (("recipe", capture.recipe), ("note", capture.note or None)):
        if value is not None:
            texts.append(f"{name} {canonical_json(value).decode()}")
    return texts


def _compilations() -> list[Callable[[], object]]:
    """Calls that have the kernels compiled, for arrays as those of an open capture and of a piece."""
    payload, flows, numbers = np.zeros(1, np.uint8), np.zeros(1, FLOW).view(FLOW_RECORD), np.zeros(0, np.int64)
    own, out, pcapng = flows.copy(), np.zeros(WORD_BYTES, np.uint8), False
    words = words_of(out)
    payload.flags.writeable = own.flags.writeable = False
    return [
        *gatherings(),
        lambda: write_packets(out, words, payload, numbers, numbers, numbers, numbers, numbers, flows, pcapng),
        lambda: write_packets(out, words, payload, numbers, numbers, numbers, numbers, numbers, own, pcapng),
    ]
