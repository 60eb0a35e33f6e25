"""How is a capture opened? It is mapped and checked: what `open_capture` returns is indexed without a further check.

The header's own digest and those of the small sections are compared at once, and the tables must be sound
(`captures.format.opening`). The payload's digests take a pass over the whole file: that is `captures.format.digests`.
"""

import mmap
import os
import stat
from pathlib import Path
from typing import Any, Final

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.console.errors import CaptureError, DamagedError
from captures.files.open_file import Source
from captures.format.capture import Capture
from captures.format.layout import (
    DIGEST_BLOCK_BYTES,
    DIGEST_BYTES,
    MAGIC,
    PAGE_BYTES,
    TRAIN,
    VERSION,
    WINDOW,
    header_digest,
)
from captures.format.opening.event_tables import check_event_tables
from captures.format.opening.fixed_sections import fixed_sections
from captures.format.opening.named_sections import named_sections
from captures.format.opening.soundness import Unsound, check_mix, check_trains, check_windows, parse_object, require
from captures.format.parts import Part
from captures.format.sections import BACK, FLOW, LINK, LIVE, VERSION_2

COPY_AGAIN: Final = "; copy or build the capture again"
"""The end of a message about a damaged capture: it says what to do."""
_NOTHING: Final = np.zeros(0, np.uint8)
_NOTHING.flags.writeable = False  # as what is mapped, since compiled code is of one or of the other


def open_capture(path: str | os.PathLike[str]) -> Capture:
    """Map and check the capture at `path`.

    Raises CaptureError, and nothing else, for whatever is wrong with the file: DamagedError where it is a capture of a
    version that is known, and not sound.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a FIFO would block
            raise CaptureError(f"{path}: can't be opened: not a regular file")
        source = Source(path)
        head = os.pread(source.fd, PAGE_BYTES, 0)
        if not head.startswith(MAGIC):
            raise CaptureError(f"{path}: this is not an .rcap capture (its first bytes differ)")
        if len(head) < PAGE_BYTES:
            raise _damaged(path, f"{len(head)} bytes are too few for a capture")
        mapped = mmap.mmap(source.fd, 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CaptureError(f"{path}: can't be opened: {reason}") from None
    data = np.frombuffer(mapped, np.uint8)
    try:
        return _checked(path, source, data)
    except Unsound as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, damage: str) -> DamagedError:
    return DamagedError(f"{path}: {damage}{COPY_AGAIN}", damage)


def _checked(path: Path, source: Source, data: NDArray[np.uint8]) -> Capture:
    raw = data[:PAGE_BYTES].tobytes()
    version = int.from_bytes(raw[len(MAGIC) : len(MAGIC) + 4], "little")
    if version not in (VERSION, VERSION_2):
        raise CaptureError(
            f"{path}: format version {version}; this tool reads {VERSION} and {VERSION_2}; use a newer one"
        )
    require(raw[-DIGEST_BYTES:] == header_digest(raw), "the header is damaged (its digest differs)")
    header, parts = fixed_sections(raw, data) if version == VERSION else named_sections(raw, data)
    for part in parts.values():
        sound = not part.checked_at_once or blake3(part.data.data).digest() == part.digest
        require(sound, f"section {part.name} is damaged (its digest differs)")
    capture = _sound(path, source, header, parts)
    check_event_tables(capture)
    return capture


def _sound(path: Path, source: Source, header: Any, parts: dict[str, Part]) -> Capture:
    """The capture of a header and its sections, if they fit together but for the tables of events. Raises Unsound."""

    def table(name: str, dtype: Any) -> Any:
        return (parts[name].data if name in parts else _NOTHING).view(dtype)

    version, events, sources = (int(header[name]) for name in ("version", "events", "sources"))
    lengths = int(header["shortest"]), int(header["longest"])
    windows, trains = table("windows", WINDOW), table("trains", TRAIN)
    payload, digests = parts["payload"].data, table("digests", f"V{DIGEST_BYTES}")
    require(len(digests) == -(-len(payload) // DIGEST_BLOCK_BYTES), "the digests do not cover the payload")
    check_trains(trains, len(payload), events, lengths, sources, version)
    check_windows(windows, trains, events)
    check_mix(mix := table("mix", "<u8"), events)
    start_ns, duration_ns = int(header["start_ns"]), int(windows["duration_ns"].sum())
    require(start_ns + duration_ns < 1 << 63, "it ends after the year 2262")
    return Capture(
        path=path,
        mapped_path=path,
        source=source,
        digest=bytes(header["digest"]).hex(),
        seed=int(header["seed"]),
        start_ns=start_ns,
        duration_ns=duration_ns,
        events=events,
        shortest=lengths[0],
        longest=lengths[1],
        sources=sources,
        tagged=bool(trains["tag_kind"].all()),
        version=version,
        recipe=parse_object(parts["recipe"].data.tobytes(), "recipe") if "recipe" in parts else None,
        note=parse_object(parts["note"].data.tobytes(), "note") if "note" in parts else {},
        windows=windows,
        mix=mix,
        digests=digests,
        trains=trains,
        payload=payload,
        payload_offset=parts["payload"].offset,
        times=table("times", "<u8"),
        back=table("back", BACK),
        order=table("order", "<u8"),
        flows=table("flows", FLOW),
        flow_of=table("flow_of", "<u4"),
        links=table("links", LINK),
        live=table("live", LIVE),
        templates=table("templates", "<u2"),
        original=table("original", "<u4"),
        parts=tuple(parts.values()),
    )
