"""Are enough cores free for a run? How many it takes, compared with what other programs leave. Pure."""

from typing import Final

from captures.console.units import format_count
from replay.doctor.checks import cores, worker_eps
from replay.doctor.facts import CaptureFacts, Load, MachineFacts
from replay.doctor.findings import CheckState, Finding, ended
from replay.plan.worker_count import USUAL_EPS

IDLE_ENOUGH: Final = 0.2
"""Other programs may keep this part of the cores busy without a warning."""
STOLEN_ENOUGH: Final = 0.01
"""The host may take this part of the cores' time without a warning."""
ROOM: Final = 0.8
"""A run that takes more than this part of the free cores has no reserve."""


def needed_cores(machine: MachineFacts, capture: CaptureFacts | None, load: Load) -> float:
    """How many cores the sending takes at least, from how fast the capture was staged here.

    It is from usual rates without a capture, and without GSO, where the kernel takes most of the time.
    """
    gso = machine.segments > 1
    return load.rate_eps / (USUAL_EPS[gso] if capture is None or not gso else worker_eps(capture))


def busy_findings(
    machine: MachineFacts, capture: CaptureFacts | None, load: Load, *, receiver_here: bool
) -> list[Finding]:
    """All findings on busy cores; `receiver_here`: the target is this host, so the receiver needs cores as well."""
    activity = machine.activity
    if activity is None:
        return []
    return [_load(machine), _steal(machine), _capacity(machine, capture, load, receiver_here=receiver_here)]


def _load(machine: MachineFacts) -> Finding:
    activity = machine.activity
    assert activity is not None
    part = activity.busy_cores / activity.cores
    found = f"cores {cores(machine.cpus)} are {part:.0%} busy now; load {activity.load:.1f}"
    if activity.programs:
        found += ": " + ", ".join(f"{name} takes {taken:.0%} of a core" for name, taken in activity.programs)
    why = "what other programs take is missing to the workers, and to a receiver on this host"
    mend = "end or move what else runs here, or give the run cores of its own: replay run ... --cpus CORES"
    return ended("load", found, why, mend=mend, sound=part <= IDLE_ENOUGH)


def _steal(machine: MachineFacts) -> Finding:
    activity = machine.activity
    assert activity is not None
    part = activity.stolen_cores / activity.cores
    found = f"the host took {part:.1%} of the time of cores {cores(machine.cpus)}"
    why = "what the host of a virtual machine gives to others is missing, and makes each rate vary"
    mend = "a machine whose cores are its own, or another hour; a lower --eps"
    return ended("steal", found, why, mend=mend, sound=part < STOLEN_ENOUGH)


def _capacity(machine: MachineFacts, capture: CaptureFacts | None, load: Load, *, receiver_here: bool) -> Finding:
    """Whether the cores that the run takes are free."""
    activity = machine.activity
    assert activity is not None
    sending = needed_cores(machine, capture, load)
    needed = 2 * sending if receiver_here else sending
    free = activity.free_cores
    found = f"{format_count(load.rate_eps)} EPS take about {sending:.2f} cores to send"
    if receiver_here:
        found += ", and as much to receive on this host"
    found += f"; {free:.2f} of {activity.cores} are free"
    why = "a run that has too few cores misses its rate" + (
        ", and a receiver that shares them loses events" if receiver_here else ""
    )
    mend = "more or idle cores, or a lower --eps" + ("; a receiver on another host" if receiver_here else "")
    # The scheduler gives a run its share of a busy core, but not more than other programs get there.
    share = max(free, (activity.cores - activity.stolen_cores) / 2)
    state = CheckState.FAIL if needed > share else CheckState.WARN
    return ended("capacity", found, why, mend=mend, state=state, sound=needed <= ROOM * free)
