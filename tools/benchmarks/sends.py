"""How fast one core sends, through a veth whose far end drops what enters; beside tcpreplay and trafgen."""

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

import dpkt

from captures.reader import open_capture
from tools.benchmarks.figures import Figure, in_turns
from tools.benchmarks.programs import inside, output_of, replay, report_of
from tools.lab import DEVICE, V4, Lab

PORTS: Final = "5514-5553"
PEER_EVENTS: Final = 20_000
"""Events that tcpreplay and trafgen send over and over; both hold them in memory as packets."""
CORE: Final = "0"


def measure(lab: Lab, capture: Path, folder: Path, seconds: int, rounds: int) -> list[Figure]:
    """`replay run --eps max` in several ways, and its peers with the same payloads, in turns.

    All send from one core to 40 ports. What is counted is datagrams that the sender says it sent; the far
    end's drops are what they met.
    """
    pcap, config = _peer_files(lab, capture, folder)
    ways: dict[str, Callable[[], float]] = {
        "replay, GSO, stamped": lambda: _replay(lab, capture, seconds),
        "replay, GSO, stamps kept": lambda: _replay(lab, capture, seconds, "--stamp", "keep"),
        "replay, GSO cut by the kernel, stamped": lambda: _without_uso(lab, capture, seconds),
        "replay, no GSO, stamped": lambda: _replay(lab, capture, seconds, "--no-gso"),
        "tcpreplay --preload-pcap --topspeed": lambda: _tcpreplay(lab, pcap, seconds),
        "trafgen": lambda: _trafgen(lab, config, seconds),
    }
    with lab.dropping("udp dport 5514-5553"):
        return in_turns("send", ways, rounds)


def _replay(lab: Lab, capture: Path, seconds: int, *extra: str) -> float:
    command = ("run", capture, "--target", V4, "--ports", PORTS, "--eps", "max", "--duration", f"{seconds}s")
    report = report_of(replay(lab.sender, *command, "--cpus", CORE, "--json", *extra), seconds)
    return float(report["achieved_eps"])


def _without_uso(lab: Lab, capture: Path, seconds: int) -> float:
    """The device takes no trains, so the kernel cuts each late, just before the device."""
    with lab.without("tx-udp-segmentation"):
        return _replay(lab, capture, seconds)


def _tcpreplay(lab: Lab, pcap: Path, seconds: int) -> float:
    flags = ("-i", DEVICE, "--preload-pcap", "--topspeed", "--loop=1000000", f"--duration={seconds}", "--quiet")
    said = output_of(inside(lab.sender, "taskset", "-c", CORE, "tcpreplay", *flags, pcap), seconds)
    return _found(r"Rated: .* ([\d.]+) pps", said)


def _trafgen(lab: Lab, config: Path, seconds: int) -> float:
    """A first short run says how many packets fill the time."""

    def rate_eps(packets: int) -> float:
        flags = ("--dev", DEVICE, "--conf", config, "--cpus", "1", "--num", packets)
        said = output_of(inside(lab.sender, "taskset", "-c", CORE, "trafgen", *flags), seconds)
        whole, micro = (_found(pattern, said) for pattern in (r"(\d+) sec, ", r"sec, (\d+) usec"))
        return _found(r"(\d+) packets outgoing", said) / (whole + micro / 1e6)

    return rate_eps(int(rate_eps(200_000) * seconds))


def _found(pattern: str, said: str) -> float:
    match = re.search(pattern, said)
    if match is None:
        raise RuntimeError(f"no {pattern!r} in: {said}")
    return float(match[1])


def _peer_files(lab: Lab, capture: Path, folder: Path) -> tuple[Path, Path]:
    """The first events of the capture as a pcap for tcpreplay and as a configuration for trafgen."""
    pcap, config = folder / "peer.pcap", folder / "peer.cfg"
    source, far = (
        bytes.fromhex(lab.run_at(host, "cat", f"/sys/class/net/{DEVICE}/address").strip().replace(":", ""))
        for host in (lab.sender, lab.receiver)
    )
    with pcap.open("wb") as packets, config.open("w") as text:
        writer = dpkt.pcap.Writer(packets)
        for event, line in enumerate(islice(open_capture(capture).lines(), PEER_EVENTS)):
            frame = _frame(source, far, 5514 + event % 40, line)
            writer.writepkt(frame, ts=0)
            text.write("{ " + ", ".join(f"0x{byte:02x}" for byte in frame) + " }\n")
    return pcap, config


def _frame(source: bytes, far: bytes, port: int, payload: bytes) -> bytes:
    udp = dpkt.udp.UDP(sport=40000, dport=port, data=payload, ulen=8 + len(payload))
    ip = dpkt.ip.IP(src=bytes([198, 18, 0, 1]), dst=bytes([198, 18, 0, 2]), p=dpkt.ip.IP_PROTO_UDP, data=udp)
    ip.len = len(ip)
    return bytes(dpkt.ethernet.Ethernet(src=source, dst=far, data=ip))
