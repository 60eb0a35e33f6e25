"""What tags tell, in the sink's report: of the run, and of each port. None says "not measured"."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from replay.histogram import Histogram
from replay.sink.tally import STRANGE, Tally
from replay.tags import run_text


def run_tags(tally: Tally) -> dict[str, Any] | None:
    """The sums over all ports; None where no event had a tag."""
    if not tally.run[0]:
        return None
    lanes = [lane_tags(place, tally, []) for place in range(len(tally.ports))]
    names = ("verified", "lost", "lost_in_socket", "duplicated", "reordered", "late", *STRANGE)
    totals = {f"{name}_events": sum(lane[f"{name}_events"] for lane in lanes) for name in names}
    if tally.shared:
        totals["reordered_events"] = None
    depth = Histogram()
    for row in tally.sequences["depth"]:
        depth.merge(Histogram(row))
    others: dict[str, int] = defaultdict(int)
    for run, events in tally.others[tally.others["events"] > 0].tolist():
        others[run_text(run)] += events
    return {
        **totals,
        "reorder_depth": None if tally.shared else _depth(depth),
        "other_runs": dict(others),
    }


def lane_tags(place: int, tally: Tally, kernel_drops: Sequence[int]) -> dict[str, Any]:
    """One port's part; `kernel_drops` are packets, of each of its seats."""
    row, seats = tally.sequences[place], np.flatnonzero(tally.port_of_seat == place)
    lanes = tally.lanes[seats]
    strange = {f"{name}_events": int(lanes[name].sum()) for name in STRANGE}
    strange["malformed_events"] += int(row["leapt"])
    told = lanes["drops"].tolist()
    return {
        "verified_events": int(row["arrived"]),
        "next_sequence": int(row["next"]),
        "lost_events": int(row["next"] - row["arrived"]),
        "lost_in_socket_events": int(row["lost_in_socket"]),
        "duplicated_events": int(row["duplicated"]),
        "reordered_events": int(row["reordered"]),
        "reorder_depth": _depth(Histogram(row["depth"])),
        "late_events": int(row["late"]),
        **strange,
        "drops_after_last": sum(drops - seen for drops, seen in zip(kernel_drops, told, strict=False)),
        "joined": bool(lanes["joined"].any()),
    }


def _depth(depth: Histogram) -> dict[str, float] | None:
    """How deep reordered events were, in events; None when none were."""
    if depth.max_us is None:
        return None
    return {"p50": depth.percentile_us(50) or 0.0, "p99": depth.percentile_us(99) or 0.0, "max": float(depth.max_us)}


def tags_line(report: dict[str, Any]) -> str:
    """The tags for people, in one line."""
    tags = report["tags"]
    parts = [f"run {report['run_id']}: {tags['verified_events']:,} events verified"]
    for name in ("lost", "duplicated", "reordered", "late", *STRANGE):
        events = tags[f"{name}_events"]
        if events or name == "lost":
            parts.append("reordering not measured" if events is None else f"{events:,} {name}")
    if tags["lost_in_socket_events"]:
        parts.append(f"{tags['lost_in_socket_events']:,} of the lost in socket buffers")
    return ", ".join(parts)
