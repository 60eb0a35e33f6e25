"""How fast one core sends, through a veth whose far end drops what enters; beside its peers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from tools.benchmarks.figures import Figure, in_turns
from tools.benchmarks.peers import peers
from tools.benchmarks.programs import replay, report_of
from tools.lab import V4, Lab

PORTS: Final = "5514-5553"
ONE_PORT: Final = "5514"
SOURCES: Final = ("--source-ips", "198.18.64.0/22")
"""1,022 addresses."""
CORE: Final = "0"

Send = Callable[..., float]


def measure(lab: Lab, capture: Path, folder: Path, seconds: int, rounds: int) -> list[Figure]:
    """`replay run --eps max` in several ways, and its peers with the same payloads, in turns.

    All send from one core, and but for those of one lane to 40 ports. What is counted is datagrams that the sender says
    it sent; the far end's drops are what they met.
    """
    udp: Send = partial(_replay, lab, capture, seconds, "--backend", "udp")
    packet: Send = partial(_replay, lab, capture, seconds, "--backend", "packet")
    ways: dict[str, Callable[[], float]] = {
        "udp, GSO": udp,
        "udp, GSO, stamps kept": lambda: udp("--stamp", "keep"),
        "udp, cut by the kernel": lambda: _without_uso(lab, udp),
        "udp, no GSO": lambda: udp("--no-gso"),
        "packet, GSO": packet,
        "packet, GSO, one lane, one source": lambda: packet(ports=ONE_PORT),
        "packet, GSO, 40 lanes, 1,022 sources": lambda: packet(*SOURCES),
        "packet, cut by the kernel": lambda: _without_uso(lab, packet),
        "packet, no GSO": lambda: packet("--no-gso"),
        **peers(lab, capture, folder, seconds, CORE),
    }
    with lab.dropping("udp dport 5514-5553"):
        return in_turns("send", ways, rounds)


def measure_tags(lab: Lab, capture: Path, seconds: int, rounds: int) -> list[Figure]:
    """What tags cost: a tagged capture with stamps and tags, and with stamps alone, in turns.

    With batches of 8 as well: on a slow machine a full batch takes longer than stamps may age, and is made smaller.
    """
    ways: dict[str, Callable[[], float]] = {}
    for backend in ("udp", "packet"):
        for batch in ("32", "8"):
            send: Send = partial(_replay, lab, capture, seconds, "--backend", backend, "--batch", batch)
            ways[f"{backend}, batches of {batch}, stamps and tags"] = send
            ways[f"{backend}, batches of {batch}, stamps"] = partial(send, "--keep-tags")
    with lab.dropping("udp dport 5514-5553"):
        return in_turns("tags", ways, rounds)


def _replay(lab: Lab, capture: Path, seconds: int, *extra: str, ports: str = PORTS) -> float:
    command = ("run", capture, "--target", V4, "--ports", ports, "--eps", "max", "--duration", f"{seconds}s")
    report = report_of(replay(lab.sender, *command, "--cpus", CORE, "--json", *extra), seconds)
    return float(report["achieved_eps"])


def _without_uso(lab: Lab, send: Send) -> float:
    """The device takes no trains, so the kernel cuts each late, just before the device."""
    with lab.without("tx-udp-segmentation"):
        return send()
