"""What the facts of a machine and a capture mean for a load. Pure."""

import shlex
import sys
from math import ceil
from typing import Final

from captures.console.units import counted, format_count, format_size
from replay.doctor.facts import CaptureFacts, Load, MachineFacts
from replay.doctor.findings import Finding, State, ended
from replay.engine.backends.udp import SEND_BUFFER_BYTES
from replay.linux.capabilities import Capability
from replay.machine.core_order import Topology, reckon_workers
from replay.ranges import format_ports

COMFORT: Final = 2
"""How many times as fast as needed a disk has to be to be trusted."""

SENDING: Final = 2
"""How many times as long as to stage it a train takes a worker in all: twice on a slow core, more on others."""

_TOLD_BUSY: Final = 0.05
"""From this part of the cores on, it is told beside a measurement what else they were busy with."""

TUNE: Final = "sudo ./tools/tune apply --role sender"
KERNEL: Final = "uname -r  # use a newer kernel, or a container whose seccomp profile allows it"


def cores(cpus: frozenset[int] | tuple[int, ...]) -> str:
    """Cores as `--cpus` takes them: runs of neighbours become ranges, as with ports."""
    return format_ports(tuple(sorted(cpus)))


def machine_findings(machine: MachineFacts, load: Load) -> list[Finding]:
    """All checks that need neither a capture nor a target."""
    return [
        *capabilities(machine, load),
        udp_segment(machine),
        sendmmsg(machine),
        *vnet_header(machine, load),
        error_queue(machine),
        *send_buffer(machine),
        governor(machine),
        isolation(machine),
    ]


def capabilities(machine: MachineFacts, load: Load) -> list[Finding]:
    """The rights of the process. Only CAP_NET_RAW can be what a run needs; the rest is told."""
    why = {
        Capability.CAP_NET_RAW: "frames of our own (--backend packet) need it",
        Capability.CAP_NET_ADMIN: "it grants a send buffer of any size, and lets the kernel be asked for a neighbour",
        Capability.CAP_SYS_NICE: "only real-time priority needs it",
        Capability.CAP_IPC_LOCK: "only locked memory needs it",
    }
    # setcap(8) replaces what a file has, so both are given at once.
    mend = f"sudo setcap cap_net_admin,cap_net_raw+ep $(readlink -f {shlex.quote(sys.executable)})"
    findings = []
    for capability, reason in why.items():
        there = capability in machine.capabilities
        needed = load.packet and capability is Capability.CAP_NET_RAW
        found = "there" if there else "missing" if needed else "missing; not needed"
        name = capability.name.lower().replace("_", "-")
        findings.append(ended(name, found, reason, mend=mend, state=State.FAIL, sound=there or not needed))
    return findings


def udp_segment(machine: MachineFacts) -> Finding:
    """Trains in one send."""
    there = machine.segments > 1
    found = f"{counted(machine.segments, 'event')} in one send" if there else "this kernel has none"
    why = "without UDP_SEGMENT events go out one by one, which takes several times the CPU"
    return ended("udp-segment", found, why, mend=KERNEL, sound=there)


def sendmmsg(machine: MachineFacts) -> Finding:
    """Batches in one system call."""
    found = "works" if machine.sendmmsg else "refused by this kernel or a seccomp filter"
    why = "all sending is done by sendmmsg(2)"
    return ended("sendmmsg", found, why, mend=KERNEL, state=State.FAIL, sound=machine.sendmmsg)


def vnet_header(machine: MachineFacts, load: Load) -> list[Finding]:
    """Trains as frames of our own; nothing is said where the right to try is missing, which is a finding already."""
    if machine.vnet_header is None:
        return []
    found = "works" if machine.vnet_header else "refused by this kernel"
    why = "PACKET_VNET_HDR is how --backend packet hands over trains and checksums"
    sound = machine.vnet_header or not load.packet
    return [ended("packet-vnet-hdr", found, why, mend="--backend udp", state=State.FAIL, sound=sound)]


def error_queue(machine: MachineFacts) -> Finding:
    """ICMP errors."""
    there = machine.send_buffer_bytes is not None
    found = "works" if there else "refused by this kernel"
    why = "IP_RECVERR tells of ports where nobody listens, and --backend udp does not start without it"
    return ended("ip-recverr", found, why, mend=KERNEL, state=State.FAIL, sound=there)


def send_buffer(machine: MachineFacts) -> list[Finding]:
    """The buffer that a worker gets."""
    granted = machine.send_buffer_bytes
    if granted is None:
        return []
    wanted = format_size(SEND_BUFFER_BYTES)
    sound = granted >= SEND_BUFFER_BYTES
    found = f"{format_size(granted)} granted" + ("" if sound else f" of {wanted}, bounded by net.core.wmem_max")
    why = "a small buffer makes a worker wait for the device while tokens pile up"
    return [ended("send-buffer", found, why, mend=TUNE, sound=sound)]


def governor(machine: MachineFacts) -> Finding:
    """How the clock of the cores is governed."""
    why = "a core whose clock is lowered is slow when a burst begins, and its rate varies"
    slow = tuple(cpu for cpu, name in machine.governors.items() if name != "performance")
    if not machine.governors:
        found = "no cpufreq here, as in most virtual machines: the host decides"
    elif slow:
        names = ", ".join(sorted({machine.governors[cpu] for cpu in slow}))
        found = f"{names} on cores {cores(slow)}"
    else:
        found = "performance"
    mend = f"sudo cpupower -c {cores(slow)} frequency-set -g performance"
    return ended("governor", found, why, mend=mend, sound=not slow)


def isolation(machine: MachineFacts) -> Finding:
    """Cores that the scheduler leaves alone. None at all is no fault: few machines have them."""
    why = "other processes share the cores of the workers, while isolated ones are idle"
    shared = tuple(cpu for cpu in machine.cpus if cpu not in machine.isolated)
    if not machine.isolated:
        found = "no core is isolated (isolcpus): workers share theirs with whatever else runs"
    elif shared:
        found = f"cores {cores(shared)} are shared, {cores(machine.isolated)} are isolated"
    else:
        found = f"cores {cores(machine.cpus)} are isolated"
    isolated = cores(machine.isolated)
    mend = f"replay run ... --cpus {isolated}"
    return ended("isolation", found, why, mend=mend, sound=not (machine.isolated and shared))


def capture_findings(capture: CaptureFacts, machine: MachineFacts, load: Load) -> list[Finding]:
    """All checks that need a capture and no target."""
    return [
        memory(capture, machine.available_bytes),
        page_cache(capture, machine.available_bytes, load),
        staging(capture, machine, load),
    ]


def memory(capture: CaptureFacts, available_bytes: int) -> Finding:
    """Whether the capture can be cached at all."""
    found = f"{format_size(capture.payload_bytes)} of payload, {format_size(available_bytes)} of memory available"
    why = "what does not fit into memory comes from the disk in each loop"
    mend = f"precompute build PROFILE --size {max(1, available_bytes // 2 >> 20)}MiB -o FILE"
    return ended("memory", found, why, mend=mend, sound=capture.payload_bytes <= available_bytes)


def page_cache(capture: CaptureFacts, available_bytes: int, load: Load) -> Finding:
    """Whether payload comes fast enough, out of memory or off the disk."""
    why = "payload that is not in the page cache is read at the pace of the disk"
    cached = capture.cached_bytes
    if capture.read_bytes_s is None:
        return Finding("page-cache", State.OK, f"all {format_size(capture.payload_bytes)} are cached", why)
    needed_bytes_s = load.rate_eps * capture.event_bytes
    # In the mean of a loop; where a worker reads what is not cached, it needs all of it, and is late for a while.
    off_disk_bytes_s = needed_bytes_s * (1 - (cached or 0) / capture.payload_bytes)
    if cached is None:
        share = "what is cached is told to the file's owner only; a sample"
    else:
        share = f"{100 * cached // capture.payload_bytes}% of {format_size(capture.payload_bytes)} are cached; the rest"
    needs = f"{format_count(load.rate_eps)} EPS need {format_size(off_disk_bytes_s)}/s of it in the mean of a loop"
    found = f"{share} comes at {format_size(capture.read_bytes_s)}/s, {needs}"
    if capture.payload_bytes <= available_bytes:
        mend = f"cat {shlex.quote(str(capture.path))} > /dev/null"
    else:
        mend = "build a capture that fits into memory, or put it on a faster disk"
    state = State.FAIL if capture.read_bytes_s < off_disk_bytes_s else State.WARN
    return ended(
        "page-cache", found, why, mend=mend, state=state, sound=capture.read_bytes_s >= COMFORT * needed_bytes_s
    )


def staging(capture: CaptureFacts, machine: MachineFacts, load: Load) -> Finding:
    """Whether the workers that a run would start can do their part, whatever the network."""
    rate, each, cpus = load.rate_eps, capture.staged_eps, machine.cpus
    needed = ceil(rate * SENDING / each)
    gso = machine.segments > 1
    chosen, why_so_many = reckon_workers(rate, len(load.ports), cpus, Topology(), gso=gso, measured_eps=load.worker_eps)
    workers = counted(needed, "worker")
    found = (
        f"a core stages {format_count(each)} events/s{_while_busy(machine)}, at which {format_count(rate)} EPS take "
        f"{workers} or more; a run starts {why_so_many}"
    )
    why = "reading, stamping and tagging are half of a worker's time or less; the rest is sending"
    enough = needed <= len(cpus)
    mend = f"replay run ... --workers {needed}" if enough else "give it more cores or faster ones, or lower --eps"
    state = State.FAIL if rate > each * len(cpus) else State.WARN
    return ended("staging", found, why, mend=mend, state=state, sound=needed <= chosen)


def _while_busy(machine: MachineFacts) -> str:
    """How busy the cores were with other things when something was measured on one of them, if they were."""
    activity = machine.activity
    part = 0.0 if activity is None else (activity.busy_cores + activity.stolen_cores) / activity.cores
    return f" while the cores are {part:.0%} busy with other things" if part >= _TOLD_BUSY else ""
