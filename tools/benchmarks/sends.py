"""How fast one core sends, through a veth whose far end drops what enters; beside its peers."""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

from tools.benchmarks.ceilings import ceilings
from tools.benchmarks.figures import Figure, in_turns
from tools.benchmarks.peers import peers
from tools.benchmarks.programs import Trees, replay, report_of
from tools.lab import V4, Lab

PORTS: Final = "5514-5553"
ONE_PORT: Final = "5514"
SOURCES: Final = ("--source-ips", "198.18.64.0/22")
"""1,022 addresses."""
CORE: Final = "0"

Send = Callable[..., float]


def measure(lab: Lab, capture: Path, folder: Path, seconds: int, rounds: int, trees: Trees) -> list[Figure]:
    """`replay run --eps max` in several ways, its peers with the same payloads, and the ceilings, in turns.

    All send from one core, and but for those of one lane to 40 ports. What is counted is datagrams that the sender says
    it sent; the far end's drops are what they met.
    """

    def ours(tree: Path) -> dict[str, Callable[[], float]]:
        return _ways(lab, partial(_replay, lab, capture, seconds, tree=tree))

    ways, tops = _of_each(trees, ours), ceilings(lab, capture, folder, seconds, CORE)
    after = {"udp, GSO": "ceiling in C, GSO", "udp, no GSO": "ceiling in C, no GSO"}
    ordered: dict[str, Callable[[], float]] = {}
    for name in ways:  # a ceiling is measured right after what it is compared with
        ordered[name] = ways[name]
        if kin := after.get(name):
            ordered |= {top: way for top, way in tops.items() if top.startswith(kin)}
    with lab.dropping("udp dport 5514-5553"):
        return in_turns("send", ordered | peers(lab, capture, folder, seconds, CORE), rounds)


def _of_each(trees: Trees, ways: Callable[[Path], dict[str, Callable[[], float]]]) -> dict[str, Callable[[], float]]:
    """The ways of all trees: each way of one next to the same of the other."""
    by_tree = {ending: ways(tree) for ending, tree in trees.items()}
    return {name + ending: by_tree[ending][name] for name in by_tree[""] for ending in trees}


def _ways(lab: Lab, send: Send) -> dict[str, Callable[[], float]]:
    udp, packet = partial(send, "--backend", "udp"), partial(send, "--backend", "packet")
    return {
        "udp, GSO": udp,
        "udp, GSO, stamps kept": lambda: udp("--stamp", "keep"),
        "udp, cut by the kernel": lambda: _without_uso(lab, udp),
        "udp, no GSO": lambda: udp("--no-gso"),
        "packet, GSO": packet,
        "packet, GSO, one lane, one source": lambda: packet(ports=ONE_PORT),
        "packet, GSO, 40 lanes, 1,022 sources": lambda: packet(*SOURCES),
        "packet, cut by the kernel": lambda: _without_uso(lab, packet),
        "packet, no GSO": lambda: packet("--no-gso"),
    }


def measure_tags(lab: Lab, capture: Path, seconds: int, rounds: int, trees: Trees) -> list[Figure]:
    """What tags cost: a tagged capture with stamps and tags, and with stamps alone, in turns.

    With batches of 8 as well: on a slow machine a full batch takes longer than stamps may age, and is made smaller.
    """

    def ours(tree: Path) -> dict[str, Callable[[], float]]:
        ways: dict[str, Callable[[], float]] = {}
        for backend, batch in product(("udp", "packet"), ("32", "8")):
            way = ("--backend", backend, "--batch", batch)
            send: Send = partial(_replay, lab, capture, seconds, *way, tree=tree)
            ways[f"{backend}, batches of {batch}, stamps and tags"] = send
            ways[f"{backend}, batches of {batch}, stamps"] = partial(send, "--keep-tags")
        return ways

    with lab.dropping("udp dport 5514-5553"):
        return in_turns("tags", _of_each(trees, ours), rounds)


def _replay(lab: Lab, capture: Path, seconds: int, *extra: str, tree: Path, ports: str = PORTS) -> float:
    command = ("run", capture, "--target", V4, "--ports", ports, "--eps", "max", "--duration", f"{seconds}s")
    report = report_of(replay(lab.sender, *command, "--cpus", CORE, "--json", *extra, tree=tree), seconds)
    return float(report["achieved_eps"])


def _without_uso(lab: Lab, send: Send) -> float:
    """The device takes no trains, so the kernel cuts each late, just before the device."""
    with lab.without("tx-udp-segmentation"):
        return send()
