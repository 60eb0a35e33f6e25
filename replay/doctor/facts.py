"""What is this machine able to do, and how fast can a capture be read? `replay.doctor.checks` judges these facts.

Abilities of the kernel are not concluded from its version, but tried out, on loopback at most.
"""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray

from captures.compiled.cache import cache_folder, stays
from captures.compiled.readiness import is_ready
from captures.format.capture import Capture
from replay.clock import SECOND_NS, sleep_ns
from replay.doctor.activity import Activity, activity_of
from replay.doctor.staging import staged_eps
from replay.engine.backends.messages import SEND_BUFFER_BYTES
from replay.engine.preparation import SENDER
from replay.linux.capabilities import Capability, effective_capabilities
from replay.linux.cores import memory_nodes
from replay.linux.page_cache import WINDOW_BYTES, cached_bytes, may_be_told
from replay.linux.sockets.mmsg import sendmmsg
from replay.linux.sockets.packet_send import open_packet_socket
from replay.linux.sockets.udp_send import max_segments, open_socket
from replay.path.request import BackendChoice, PathRequest
from replay.ranges import parse_cpus
from replay.sink.loop import SINK

SAMPLE_BYTES: Final = 64 << 20
SAMPLE_NS: Final = SECOND_NS

_CPUS: Final = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Load:
    """What a run would have to send."""

    rate_eps: int
    ports: tuple[int, ...]
    path: PathRequest
    worker_eps: int | None = None
    """Events a second of one worker, by the calibration that a run would use; None: there is none."""

    @property
    def packet(self) -> bool:
        """Whether frames of our own are asked for."""
        backend = self.path.backend
        return backend is BackendChoice.PACKET or (backend is BackendChoice.AUTO and bool(self.path.frames_only))


@dataclass(frozen=True)
class MachineFacts:
    """Facts of this process, its kernel and its cores."""

    capabilities: frozenset[Capability]
    segments: int
    """The most datagrams of one send; 1: no UDP_SEGMENT."""
    sendmmsg: bool
    vnet_header: bool | None
    """Whether there is PACKET_VNET_HDR; None: without CAP_NET_RAW it can't be tried."""
    send_buffer_bytes: int | None
    """The size that a socket gets that asks for SEND_BUFFER_BYTES; None: no such socket, for lack of IP_RECVERR."""
    available_bytes: int
    """Memory that programs and the page cache can have."""
    cpus: tuple[int, ...]
    """The cores that workers would be pinned to."""
    allowed: tuple[int, ...]
    """All cores that this process may use."""
    governors: dict[int, str]
    """The frequency governor of each of `cpus` that has one."""
    isolated: frozenset[int]
    nodes: dict[int, int]
    """The memory node of each of `allowed` that has one."""
    compiled: bool
    """Whether the loops of a sender and those of a sink are compiled already."""
    compiled_in: Path
    """The folder where their code is kept."""
    compiled_stays: bool
    """Whether a later process will find that folder."""
    compiled_refused: str | None = None
    """What STAMPEDE_CACHE says, where that can't be used; None: it can, or says nothing."""
    activity: Activity | None = None
    """What else runs on the cores; None: it can't be seen."""


@dataclass(frozen=True)
class CaptureFacts:
    """A capture as a run would read it."""

    path: Path
    events: int
    payload_bytes: int
    longest: int
    """Bytes of the longest event."""
    sources: int
    cached_bytes: int | None
    """Payload in the page cache; None: the kernel does not tell."""
    read_bytes_s: float | None
    """How fast a sample of the payload that is not cached was read; None: all of it is cached."""
    staged_eps: float
    """Events per second that a core reads, stamps and tags, in trains as a run at the load's rate has them."""

    @property
    def event_bytes(self) -> float:
        """The mean length of an event."""
        return self.payload_bytes / self.events


def machine_facts(cpus: Sequence[int], allowed: Sequence[int]) -> MachineFacts:
    """Gather the facts of the machine, for workers on the cores `cpus`. Raises OSError."""
    return MachineFacts(
        capabilities=effective_capabilities(),
        segments=max_segments(),
        sendmmsg=_has_sendmmsg(),
        vnet_header=_has_vnet_header(),
        send_buffer_bytes=_send_buffer_bytes(),
        available_bytes=psutil.virtual_memory().available,
        cpus=tuple(cpus),
        allowed=tuple(allowed),
        governors={cpu: name for cpu in cpus if (name := _text(_CPUS / f"cpu{cpu}/cpufreq/scaling_governor"))},
        isolated=frozenset(parse_cpus(listed) if (listed := _text(_CPUS / "isolated")) else ()),
        nodes=memory_nodes(allowed, _CPUS),
        compiled=is_ready(SENDER) and any(map(is_ready, SINK.values())),
        compiled_in=cache_folder(),
        compiled_stays=stays(),
        compiled_refused=_refused_cache(),
        activity=activity_of(cpus, sleep_ns),
    )


def capture_facts(capture: Capture, load: Load, monotonic_ns: Callable[[], int]) -> CaptureFacts:
    """Gather the facts of the capture. A sample of what is not in the page cache is read. Raises OSError.

    A part of the capture is staged on this core, as a run with this load would stage it.
    """
    cached = cached_bytes(capture.payload) if may_be_told(capture.mapped_path) else None
    return CaptureFacts(
        path=capture.mapped_path,
        events=capture.events,
        payload_bytes=len(capture.payload),
        longest=capture.longest,
        sources=capture.sources,
        cached_bytes=None if cached is None else int(cached.sum()),
        read_bytes_s=read_rate(capture, cached, monotonic_ns),
        staged_eps=staged_eps(capture, load.ports, load.rate_eps, monotonic_ns),
    )


def read_rate(capture: Capture, cached: NDArray[np.int64] | None, monotonic_ns: Callable[[], int]) -> float | None:
    """Bytes per second at which payload comes from the disk; None if all of it is cached.

    The sample is of windows that are not wholly in the page cache, spread over the file: SAMPLE_BYTES at most, and none
    is begun after SAMPLE_NS. `cached` is what `cached_bytes` returned; None: any window may be missing. Raises OSError.
    """
    starts = np.arange(0, len(capture.payload), WINDOW_BYTES)
    sizes = np.minimum(WINDOW_BYTES, len(capture.payload) - starts)
    missing = sizes if cached is None else sizes - cached
    lacking = np.flatnonzero(missing)
    if not len(lacking):
        return None
    count = min(len(lacking), SAMPLE_BYTES // WINDOW_BYTES)
    read_bytes, begin_ns = 0, monotonic_ns()
    fd = capture.source.fd
    for window in lacking[np.linspace(0, len(lacking) - 1, count).astype(np.int64)].tolist():
        offset, size = capture.payload_offset + int(starts[window]), int(sizes[window])
        # The whole window is requested at once, as a worker does when it reads ahead.
        os.posix_fadvise(fd, offset, size, os.POSIX_FADV_WILLNEED)
        os.pread(fd, size, offset)
        read_bytes += int(missing[window])
        if monotonic_ns() - begin_ns > SAMPLE_NS:
            break
    return read_bytes * SECOND_NS / max(1, monotonic_ns() - begin_ns)


def _refused_cache() -> str | None:
    """The folder that STAMPEDE_CACHE names, if compiled code is not kept there."""
    named = os.environ.get("STAMPEDE_CACHE")
    return named if named and Path(named).resolve() != cache_folder().parent else None


def _has_sendmmsg() -> bool:
    """Whether sendmmsg(2) exists and no filter (seccomp(2)) forbids it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sendmmsg(sock.fileno(), 0, 0, 0)
        except OSError:
            return False
    return True


def _send_buffer_bytes() -> int | None:
    try:
        with open_socket(socket.AF_INET, SEND_BUFFER_BYTES) as sock:
            return sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2  # the kernel doubles it: socket(7)
    except OSError:
        return None


def _has_vnet_header() -> bool | None:
    try:
        open_packet_socket("lo", 1).close()
    except OSError as error:
        return None if error.errno == errno.EPERM else False
    return True


def _text(path: Path) -> str:
    """A line of sysfs; empty when it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
