"""How many workers does a run need? As many as its rate takes, by what one is known or measured to send. Pure."""

from collections.abc import Sequence
from math import ceil, inf
from typing import Final

from replay.machine.core_order import Topology

HEADROOM: Final = 0.75
"""The part of its measured rate that a worker is planned to send; the rest lets it catch up after a stall."""

USUAL_EPS: Final = {True: 8_000_000, False: 250_000}
"""The rate that a worker is expected to send where nothing was measured, with GSO (True) and without (False)."""


def reckon_workers(
    peak_eps: float | None,
    lanes: int,
    cpus: Sequence[int],
    topology: Topology,
    *,
    gso: bool,
    measured_eps: int | None,
    train_events: float = inf,
) -> tuple[int, str]:
    """How many workers a run needs, and why: at least 1, at most as many as there are lanes and cores.

    `peak_eps` is the highest rate that they send together; None: as fast as they can. `measured_eps` is the rate
    measured for one worker; None: nothing was measured. `train_events` is how many events a train of the capture has
    in the mean: a train costs what an event does without GSO, so where they are short, more workers are needed.
    """
    most = min(lanes, len(set(cpus)))
    if peak_eps is None:
        free = sum(topology.drawback(cpu) is None for cpu in set(cpus))
        count = max(1, min(most, free))
        return count, f"{count}: as fast as it goes, one for each core that nothing else needs"
    if measured_eps is None:
        each, source = USUAL_EPS[gso], "with GSO" if gso else "without GSO"
        if gso and train_events * USUAL_EPS[False] < each:
            each, source = int(train_events * USUAL_EPS[False]), f"with trains of {train_events:.1f} events"
        source = f"as is usual {source}; `replay calibrate` measures it"
    else:
        each, source = int(measured_eps * HEADROOM), f"{HEADROOM:.0%} of what one was measured to send"
    wanted = max(1, ceil(peak_eps / max(1, each)))
    count = min(wanted, most)
    why = f"{count}: {peak_eps:,.0f} EPS at {each:,} each, {source}"
    if wanted > most:
        limit = "lanes" if most == lanes else "cores"
        why += f"; that takes {wanted}, and there are {most} {limit}"
    return count, why
