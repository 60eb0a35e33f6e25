"""Other load generators, each on one core, with the payloads or the size of ours: tcpreplay, trafgen, loggen.

loggen comes with Debian's syslog-ng-core, which can't be installed beside rsyslog: its package is unpacked aside.
"""

import re
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Final

import dpkt

from captures.format.reader import open_capture
from tools.aside import SYSLOG_NG, Unavailable, syslog_ng_environment, unpacked
from tools.benchmarks.figures import Missing
from tools.benchmarks.programs import inside, output_of
from tools.lab import DEVICE, V4, Lab

EVENTS: Final = 20_000
"""Events that tcpreplay and trafgen send over and over; both hold them in memory as packets."""
LOGGEN_RATE_EPS: Final = 100_000_000
"""More than it can: as fast as it goes."""


def peers(lab: Lab, capture: Path, folder: Path, seconds: int, core: str) -> dict[str, Callable[[], float]]:
    """Ways to measure each peer, by name; one that can't be measured raises Missing."""
    pcap, config = _peer_files(lab, capture, folder)
    sends = open_capture(capture)
    size = round(len(sends.payload) / sends.events)
    return {
        "trafgen": lambda: _trafgen(lab, config, seconds, core),
        "tcpreplay --preload-pcap --topspeed": lambda: _tcpreplay(lab, pcap, seconds, core),
        "loggen --inet --dgram": lambda: _loggen(lab, size, seconds, core),
    }


def _tcpreplay(lab: Lab, pcap: Path, seconds: int, core: str) -> float:
    _need("tcpreplay")
    flags = ("-i", DEVICE, "--preload-pcap", "--topspeed", "--loop=1000000", f"--duration={seconds}", "--quiet")
    said = output_of(inside(lab.sender, "taskset", "-c", core, "tcpreplay", *flags, pcap), seconds)
    return _found(r"Rated: .* ([\d.]+) pps", said)


def _trafgen(lab: Lab, config: Path, seconds: int, core: str) -> float:
    """A first short run says how many packets fill the time."""
    _need("trafgen")

    def rate_eps(packets: int) -> float:
        flags = ("--dev", DEVICE, "--conf", config, "--cpus", "1", "--num", packets)
        said = output_of(inside(lab.sender, "taskset", "-c", core, "trafgen", *flags), seconds)
        whole, micro = (_found(pattern, said) for pattern in (r"(\d+) sec, ", r"sec, (\d+) usec"))
        return _found(r"(\d+) packets outgoing", said) / (whole + micro / 1e6)

    return rate_eps(int(rate_eps(200_000) * seconds))


def _loggen(lab: Lab, size: int, seconds: int, core: str) -> float:
    """Messages of `size` bytes to one port, by its own count; it stamps them once a second."""
    program, settings = _loggen_program()
    flags = ("--inet", "--dgram", f"--rate={LOGGEN_RATE_EPS}", f"--interval={seconds}", f"--size={size}", "--quiet")
    environment = ("env", *settings, "taskset", "-c", core)
    said = output_of(inside(lab.sender, *environment, program, *flags, V4, "5514"), seconds)
    return _found(r"average rate = ([\d.]+) msg/sec", said)


def _loggen_program() -> tuple[Path | str, tuple[str, ...]]:
    """loggen, and the environment it needs. Raises Missing."""
    if shutil.which("loggen"):
        return "loggen", ()
    try:
        folder = unpacked(SYSLOG_NG)
    except Unavailable as error:
        raise Missing(str(error)) from None
    return folder / "usr/bin/loggen", tuple(f"{name}={value}" for name, value in syslog_ng_environment(folder).items())


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed")


def _found(pattern: str, said: str) -> float:
    match = re.search(pattern, said)
    if match is None:
        raise Missing(f"it said nothing like {pattern!r}: {said.strip()[-200:]}")
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
        for event, line in enumerate(islice(open_capture(capture).lines(), EVENTS)):
            frame = _frame(source, far, 5514 + event % 40, line)
            writer.writepkt(frame, ts=0)
            text.write("{ " + ", ".join(f"0x{byte:02x}" for byte in frame) + " }\n")
    return pcap, config


def _frame(source: bytes, far: bytes, port: int, payload: bytes) -> bytes:
    udp = dpkt.udp.UDP(sport=40000, dport=port, data=payload, ulen=8 + len(payload))
    ip = dpkt.ip.IP(src=bytes([198, 18, 0, 1]), dst=bytes([198, 18, 0, 2]), p=dpkt.ip.IP_PROTO_UDP, data=udp)
    ip.len = len(ip)
    return bytes(dpkt.ethernet.Ethernet(src=source, dst=far, data=ip))
