"""Can this machine send this capture at the wanted rate? Checks of the facts that were gathered. Pure."""

import shlex
import sys
from math import ceil
from typing import Final

from captures.console.units import counted, format_count, format_size
from replay.clock import SECOND_NS
from replay.doctor.facts import CaptureFacts, Load, MachineFacts
from replay.doctor.findings import CheckState, Finding, ended
from replay.engine.backends.messages import SEND_BUFFER_BYTES
from replay.linux.capabilities import Capability
from replay.machine.core_order import Topology
from replay.plan.worker_count import reckon_workers
from replay.ranges import format_ports

COMFORT: Final = 2
"""A disk must be so many times as fast as needed to pass without a warning."""

SENDING_NS: Final = 70
"""What the kernel takes to send an event of a train. Measured: a worker that sent 4 M EPS over loopback took 35 to 41%
of a core, of which staging was a third. Cards and routes may cost more."""

_TOLD_BUSY: Final = 0.05
"""If other programs kept more than this part of the cores busy, a measurement says so."""

TUNE: Final = "sudo ./tools/tune apply --role sender"
KERNEL: Final = "uname -r  # use a newer kernel, or a container whose seccomp profile allows it"


def worker_eps(capture: CaptureFacts) -> float:
    """The most events a second that a worker can send of a capture, by how fast it was staged here."""
    return SECOND_NS / (SECOND_NS / capture.staged_eps + SENDING_NS)


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
        compiled_code(machine),
        governor(machine),
        isolation(machine),
    ]


def capabilities(machine: MachineFacts, load: Load) -> list[Finding]:
    """The rights of this process. A run can need only CAP_NET_RAW; the others are listed for information."""
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
        findings.append(ended(name, found, reason, mend=mend, state=CheckState.FAIL, sound=there or not needed))
    return findings


def compiled_code(machine: MachineFacts) -> Finding:
    """Whether the first run and the first sink have to compile their loops. It takes time before they start."""
    refused = machine.compiled_refused
    parts = []
    if refused is not None:
        parts.append(f"STAMPEDE_CACHE={refused} can't be used: others may write there, or it can't be written to")
    if not machine.compiled_stays:
        parts.append("no folder can keep the loops of sender and sink, so each run and each sink compiles them")
    elif machine.compiled:
        parts.append(f"the loops of sender and sink are kept in {machine.compiled_in}")
    else:
        parts.append(f"the loops of sender or sink are not compiled yet; to be kept in {machine.compiled_in}")
    why = "what is not kept is compiled before a run or a sink starts, which takes a slow machine half a minute"
    mend = "STAMPEDE_CACHE=FOLDER  # a folder that only you can write to, and that stays"
    sound = machine.compiled_stays and refused is None
    return ended("compiled-code", "; ".join(parts), why, mend=mend, sound=sound)


def udp_segment(machine: MachineFacts) -> Finding:
    """Whether the kernel sends a train in one call."""
    there = machine.segments > 1
    found = f"{counted(machine.segments, 'event')} in one send" if there else "this kernel has none"
    why = "without UDP_SEGMENT events go out one by one, which takes several times the CPU"
    return ended("udp-segment", found, why, mend=KERNEL, sound=there)


def sendmmsg(machine: MachineFacts) -> Finding:
    """Whether the kernel sends a batch of trains in one system call."""
    found = "works" if machine.sendmmsg else "refused by this kernel or a seccomp filter"
    why = "all sending is done by sendmmsg(2)"
    return ended("sendmmsg", found, why, mend=KERNEL, state=CheckState.FAIL, sound=machine.sendmmsg)


def vnet_header(machine: MachineFacts, load: Load) -> list[Finding]:
    """Whether trains can be sent as frames of our own; no finding without the right to try it (`capabilities`)."""
    if machine.vnet_header is None:
        return []
    found = "works" if machine.vnet_header else "refused by this kernel"
    why = "PACKET_VNET_HDR is how --backend packet hands over trains and checksums"
    sound = machine.vnet_header or not load.packet
    return [ended("packet-vnet-hdr", found, why, mend="--backend udp", state=CheckState.FAIL, sound=sound)]


def error_queue(machine: MachineFacts) -> Finding:
    """Whether ICMP errors can be read."""
    there = machine.send_buffer_bytes is not None
    found = "works" if there else "refused by this kernel"
    why = "IP_RECVERR tells of ports where nobody listens, and --backend udp does not start without it"
    return ended("ip-recverr", found, why, mend=KERNEL, state=CheckState.FAIL, sound=there)


def send_buffer(machine: MachineFacts) -> list[Finding]:
    """Whether a worker gets the send buffer that it asks for."""
    granted = machine.send_buffer_bytes
    if granted is None:
        return []
    wanted = format_size(SEND_BUFFER_BYTES)
    sound = granted >= SEND_BUFFER_BYTES
    found = f"{format_size(granted)} granted" + ("" if sound else f" of {wanted}, bounded by net.core.wmem_max")
    why = "a small buffer makes a worker wait for the device while tokens pile up"
    return [ended("send-buffer", found, why, mend=TUNE, sound=sound)]


def governor(machine: MachineFacts) -> Finding:
    """Whether the clock of the cores is kept at its full rate."""
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
    """Whether workers run on isolated cores, if there are any. None at all is no fault: few machines have them."""
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
    """Whether the capture fits into memory."""
    found = f"{format_size(capture.payload_bytes)} of payload, {format_size(available_bytes)} of memory available"
    why = "what does not fit into memory comes from the disk in each loop"
    mend = f"precompute build PROFILE --size {max(1, available_bytes // 2 >> 20)}MiB -o FILE"
    return ended("memory", found, why, mend=mend, sound=capture.payload_bytes <= available_bytes)


def page_cache(capture: CaptureFacts, available_bytes: int, load: Load) -> Finding:
    """Whether the payload can be read fast enough, from memory or from the disk."""
    why = "payload that is not in the page cache is read at the pace of the disk"
    cached = capture.cached_bytes
    if capture.read_bytes_s is None:
        return Finding("page-cache", CheckState.OK, f"all {format_size(capture.payload_bytes)} are cached", why)
    needed_bytes_s = load.rate_eps * capture.event_bytes
    # This is the mean of a loop. While a worker reads a part that is not cached, it needs the full rate, and is late.
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
    state = CheckState.FAIL if capture.read_bytes_s < off_disk_bytes_s else CheckState.WARN
    return ended(
        "page-cache", found, why, mend=mend, state=state, sound=capture.read_bytes_s >= COMFORT * needed_bytes_s
    )


def staging(capture: CaptureFacts, machine: MachineFacts, load: Load) -> Finding:
    """Whether the workers that a run would start can prepare the events fast enough, whatever the network does."""
    rate, each, cpus = load.rate_eps, capture.staged_eps, machine.cpus
    needed = ceil(rate / worker_eps(capture))
    gso = machine.segments > 1
    chosen, why_so_many = reckon_workers(rate, len(load.ports), cpus, Topology(), gso=gso, measured_eps=load.worker_eps)
    workers = counted(needed, "worker")
    found = (
        f"a core stages {format_count(each)} events/s{_while_busy(machine)}, at which {format_count(rate)} EPS take "
        f"{workers} or more; a run starts {why_so_many}"
    )
    why = f"besides reading, stamping and tagging, the kernel takes some {SENDING_NS} ns to send an event, or more"
    enough = needed <= len(cpus)
    mend = f"replay run ... --workers {needed}" if enough else "give it more cores or faster ones, or lower --eps"
    state = CheckState.FAIL if rate > each * len(cpus) else CheckState.WARN
    return ended("staging", found, why, mend=mend, state=state, sound=needed <= chosen)


def _while_busy(machine: MachineFacts) -> str:
    """A clause that says how busy the cores were with other programs during a measurement; empty if they were not."""
    activity = machine.activity
    part = 0.0 if activity is None else (activity.busy_cores + activity.stolen_cores) / activity.cores
    return f" while the cores are {part:.0%} busy with other things" if part >= _TOLD_BUSY else ""
