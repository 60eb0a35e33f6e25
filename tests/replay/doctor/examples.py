"""A machine, a capture and loads without fault, for tests to take something from."""

from dataclasses import replace
from pathlib import Path

from replay.doctor.facts import CaptureFacts, Load, MachineFacts
from replay.linux.capabilities import Capability
from replay.path.request import BackendChoice, PathRequest

GIB = 1 << 30
LOAD = Load(4_000_000, tuple(range(514, 554)), PathRequest())
PACKET = replace(LOAD, path=PathRequest(backend=BackendChoice.PACKET))
MACHINE = MachineFacts(
    capabilities=frozenset(Capability),
    segments=128,
    sendmmsg=True,
    vnet_header=True,
    send_buffer_bytes=4 << 20,
    available_bytes=16 * GIB,
    cpus=(2, 3),
    allowed=(0, 1, 2, 3),
    governors=dict.fromkeys(range(4), "performance"),
    isolated=frozenset({2, 3}),
    nodes=dict.fromkeys(range(4), 0),
    compiled=True,
    compiled_in=Path("/home/lab/.cache/stampede/compiled-0123456789abcdef"),
    compiled_stays=True,
)
CAPTURE = CaptureFacts(
    path=Path("/data/a b.rcap"),
    events=10_000_000,
    payload_bytes=1_500_000_000,
    longest=260,
    sources=0,
    cached_bytes=1_500_000_000,
    read_bytes_s=None,
    staged_eps=20e6,
)
