"""What does the sink's report say by the tags? Figures of the run, and of each port. None says "not measured"."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from captures.console.units import counted
from captures.format.stamp_writing import iso_ms
from replay.histogram import Histogram
from replay.rewrite.tags import run_text
from replay.sink.board import NEVER_NS, STRANGE, Tally
from replay.sink.number_account import held_stretches, lost_events
from replay.sink.report.cut_events import Cut, merged_lengths
from replay.sink.report.model import SinkReport

FURTHER: Final = "of further runs, or of this one to further ports"
"""What foreign events are that are of no run that is named: a sink names OTHER_RUNS runs, and learns LEARNT ports."""

_NUMBERED: Final = ("verified", "lost", "lost_in_socket", "duplicated", "reordered", "late")
_SUMS: Final = (*_NUMBERED, "cut", "doubtful_cut", *STRANGE)


def run_tags(tally: Tally, cut: Sequence[Cut]) -> dict[str, Any] | None:
    """The sums over all ports; `cut` holds the cut events of each port. None: no event had a tag."""
    if not tally.run[0]:
        return None
    lanes = [lane_tags(index, tally, cut[index], []) for index in range(len(tally.ports))]
    numbered = [*lanes, *mapped_lanes(tally)]
    totals = {f"{name}_events": sum(lane.get(f"{name}_events") or 0 for lane in numbered) for name in _SUMS}
    if tally.shared:
        totals["reordered_events"] = None
    depth = Histogram()
    for row in tally.numbers["depth"][tally.rows]:
        depth.merge(Histogram(row))
    first_ns, youngest_us = (int(tally.by_socket[name].min()) for name in ("run_first_ns", "run_youngest_us"))
    others: dict[str, int] = defaultdict(int)
    for run, events in tally.others[tally.others["events"] > 0].tolist():
        others[run_text(run)] += events
    return {
        **totals,
        "unconfirmed_events": sum(events for lane in numbered for _, events in lane["unconfirmed"]),
        "cut_to_bytes": merged_lengths([lane["cut_to_bytes"] for lane in lanes]),
        "reorder_depth": None if tally.shared else _depth(depth),
        "other_runs": dict(others),
        "first_arrival": None if first_ns == NEVER_NS else iso_ms(first_ns),
        "stamp_age_min_ms": None if youngest_us == NEVER_NS else youngest_us / 1000,
    }


def lane_tags(index: int, tally: Tally, cut: Cut, kernel_drops: Sequence[int]) -> dict[str, Any]:
    """One port's part, with the events that were `cut` there; `kernel_drops`: packets that its sockets dropped."""
    sockets = np.flatnonzero(tally.port_of_socket == index)
    by_socket = tally.by_socket[sockets]
    strange = {f"{name}_events": int(by_socket[name].sum()) for name in STRANGE}
    if tally.run[0]:
        strange["untagged_events"] -= cut.without
        strange["malformed_events"] += int(tally.numbers["stray"][index]) - cut.parted
    told = by_socket["drops"].tolist()
    return {
        **_numbers(index, tally),
        "cut_events": cut.events if tally.run[0] else None,
        "doubtful_cut_events": cut.doubtful if tally.run[0] else None,
        "cut_to_bytes": cut.to_bytes if tally.run[0] and cut.events + cut.doubtful else None,
        **strange,
        "drops_after_last": sum(drops - seen for drops, seen in zip(kernel_drops, told, strict=False)),
        "joined": bool(by_socket["joined"].any()),
    }


def mapped_lanes(tally: Tally) -> list[dict[str, Any]]:
    """The figures of ports at which the sink does not listen, but whose events came at its own ports."""
    rows = sorted(tally.rows[len(tally.ports) :], key=lambda row: int(tally.row_ports[row]))
    return [{"port": int(tally.row_ports[row]), **_numbers(row, tally)} for row in rows]


def _numbers(row: int, tally: Tally) -> dict[str, Any]:
    """What became of the numbers of a row, the events that were sent to one port, wherever they came."""
    if not tally.run[0]:
        names = (*(f"{name}_events" for name in _NUMBERED), "next_sequence", "reorder_depth")
        return {**dict.fromkeys(names), "unconfirmed": [], "came_by": {}}
    account = tally.numbers[row : row + 1]
    counts = {name: int(account[name][0]) for name in ("lost_in_socket", "duplicated", "reordered", "late")}
    counts = {"verified": int(account["arrived"][0]), "lost": lost_events(account), **counts}
    came_by: dict[str, int] = defaultdict(int)
    for socket in np.flatnonzero(tally.came_by[:, row]).tolist():
        came_by[str(tally.ports[tally.port_of_socket[socket]])] += int(tally.came_by[socket, row])
    return {
        **{f"{name}_events": events for name, events in counts.items()},
        "next_sequence": int(account["next"][0]),
        "reorder_depth": _depth(Histogram(account["depth"][0])),
        "unconfirmed": [list(stretch) for stretch in held_stretches(account)],
        "came_by": dict(came_by),
    }


def _depth(depth: Histogram) -> dict[str, float] | None:
    """How deep reordered events were, in events; None if no event was reordered."""
    if depth.max_us is None:
        return None
    return {"p50": depth.percentile_us(50) or 0.0, "p99": depth.percentile_us(99) or 0.0, "max": float(depth.max_us)}


def tag_lines(report: SinkReport) -> list[str]:
    """A few lines on what the tags say."""
    tags, lanes = report.tags or {}, [*report.lanes, *report.mapped_lanes]
    parts = [f"{tags['lost_events']:,} lost"]
    if tags["lost_in_socket_events"]:
        parts[0] += f" ({tags['lost_in_socket_events']:,} of them in socket buffers)"
    for name in ("duplicated", "reordered", "late", "unconfirmed", "untagged", "malformed"):
        events = tags[f"{name}_events"]
        if events or events is None:
            parts.append("reordering not measured" if events is None else f"{events:,} {name}")
    lines = [f"run {report.run_id}: {counted(tags['verified_events'], 'event')} verified", f"  {', '.join(parts)}"]
    if tags["cut_events"]:
        whose = "its" if tags["cut_events"] == 1 else "their"
        lines.append(f"  {tags['cut_events']:,} cut to {lengths_text(tags['cut_to_bytes'])}: {whose} tag is gone")
    if tags["doubtful_cut_events"]:
        lines.append(f"  {tags['doubtful_cut_events']:,} of the untagged may have been cut, or be of others")
    lines += _foreign_lines(tags)
    return lines + [f"  {line}" for line in came_by_lines({lane["port"]: lane["came_by"] for lane in lanes})]


def _foreign_lines(tags: dict[str, Any]) -> list[str]:
    """Lines on foreign events: those of runs that are named, and all others."""
    lines, other_runs = [], tags["other_runs"]
    if other_runs:
        named = ", ".join(f"{run} ({events:,})" for run, events in other_runs.items())
        lines.append(f"  {counted(sum(other_runs.values()), 'event')} of other runs: {named}")
    if max(other_runs.values(), default=0) > tags["verified_events"]:
        lines.append("  of one of them more came than of the run that was counted; to choose which is")
        lines.append("  counted, start the sink with --run-id, or the run with --sink")
    if further := tags["foreign_events"] - sum(other_runs.values()):
        lines.append(f"  {counted(further, 'event')} {FURTHER}")
    return lines


def unverified_line(events: int) -> str:
    """A line on events that waited until it was known which run is counted, and were never verified."""
    were, whose = ("was", "its") if events == 1 else ("were", "their")
    return f"{counted(events, 'tagged event')} {were} not verified: the sink's worker ended before it knew {whose} run"


def lengths_text(lengths: dict[str, int]) -> str:
    """The lengths that events were cut to: `180 bytes`, or `180 to 512 bytes`."""
    least, most = lengths["min"], lengths["max"]
    return counted(most, "byte") if least == most else f"{least:,} to {most:,} bytes"


_SHOWN: Final = 4


def came_by_lines(came_by: dict[int, dict[str, int]]) -> list[str]:
    """A line on events that came at other ports; `came_by`: for each port, its events by the port where they came."""
    ways = [(port, by) for port, counts in sorted(came_by.items()) for by in sorted(counts, key=int)]
    if not ways:
        return []
    events = sum(sum(counts.values()) for counts in came_by.values())
    shown = ", ".join(f"{port} -> {by}" for port, by in ways[:_SHOWN])
    more = f", and {len(ways) - _SHOWN} more" if len(ways) > _SHOWN else ""
    return [f"{counted(events, 'event')} came by another port ({shown}{more})"]
