"""What does a sink report at its end? The figures, and a table for people. None says "not measured"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from captures import __version__
from captures.console.units import counted, format_count, format_size
from captures.format.stamp_writing import iso_ms
from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.json_file import SCHEMA
from replay.linux.sockets.udp_receive import unwrapped
from replay.report.buckets import Buckets
from replay.rewrite.tags import run_text
from replay.sink.board import NEVER_NS, Tally, merged
from replay.sink.report.cut_events import Cut, cut_events
from replay.sink.report.intervals import troubled_intervals
from replay.sink.report.model import LatencyFigures, SinkReport
from replay.sink.report.tags import lane_tags, mapped_lanes, run_tags, tag_lines, unverified_line
from replay.sink.stopping import FAILURE, HURRIED

MOST_SHOWN: Final = 10
"""Rows of the table, unless it is wide."""


@dataclass(frozen=True)
class Ending:
    """What is known at a sink's end beside its tally. Drops, buffer sizes and waiting bytes are by socket."""

    kernel_drops: Sequence[int]
    """Dropped packets, as the sockets count them: modulo 2^32."""
    buffer_bytes: Sequence[int]
    gro: bool
    ended_by: str
    host: dict[str, int] | None = None
    """What this host's network counted while the sink ran (`replay.linux.network.counters`); None: not measured."""
    ended_ns: int | None = None
    """When the sink ended, in nanoseconds since 1970."""
    waiting_bytes: Sequence[int] | None = None
    """The memory of packets that were still unread when the workers had ended; None: not measured."""


def sink_report(tally: Tally, ending: Ending) -> SinkReport:
    """Make the report of a sink.

    `kernel_drops` counts packets: if datagrams came joined (UDP_GRO), a dropped packet may hold up to 128 of them.
    `peak_eps` is that of the best second, which may begin at any tenth; None for less than a second of traffic.
    """
    heard = tally.by_socket[tally.by_socket["events"] > 0]
    first_ns = int(heard["first_ns"].min()) if heard.size else None
    duration_s = (int(heard["last_ns"].max()) - first_ns) / SECOND_NS if first_ns is not None else None
    events, kernel_drops = tally.events, total_drops(tally, ending.kernel_drops)
    youngest_us, cut = int(tally.by_socket["youngest_us"].min()), cut_events(tally)
    return SinkReport(
        schema=SCHEMA,
        version=__version__,
        ended_by=ending.ended_by,
        ended=None if ending.ended_ns is None else iso_ms(ending.ended_ns),
        run_id=run_text(int(tally.run[0])) if tally.run[0] else None,
        workers=len(tally.sockets),
        gro=ending.gro,
        received_events=events,
        received_bytes=int(tally.by_socket["bytes"].sum()),
        kernel_drops=sum(kernel_drops),
        bad_stamps=int(tally.by_socket["bad_stamps"].sum()),
        coarse_stamps=int(tally.by_socket["coarse_stamps"].sum()),
        early_stamps=int(tally.by_socket["early_stamps"].sum()),
        old_stamps=int(tally.by_socket["old_stamps"].sum()),
        first_arrival=None if first_ns is None else iso_ms(first_ns),
        duration_s=duration_s,
        rate_eps=events / duration_s if duration_s else None,
        peak_eps=tally.best_second_events() if duration_s and duration_s >= 1 else None,
        latency_ms=_latency_ms(tally.age),
        latency_buckets=Buckets.of(tally.age),
        stamp_age_min_ms=None if youngest_us == NEVER_NS else youngest_us / 1000,
        unverified_events=int(tally.kept.sum()),
        tags=run_tags(tally, cut),
        host=ending.host,
        lanes=[_lane(index, tally, ending, cut[index], kernel_drops, first_ns) for index in range(len(tally.ports))],
        mapped_lanes=mapped_lanes(tally),
        intervals=troubled_intervals(tally),
    )


def total_drops(tally: Tally, told: Sequence[int]) -> list[int]:
    """How many packets each socket dropped in total; `told` are the sockets' counts modulo 2^32."""
    pairs = zip(tally.by_socket["drops"].tolist(), told, strict=True)
    return [unwrapped(*pair) for pair in pairs]


def _lane(
    index: int, tally: Tally, ending: Ending, cut: Cut, kernel_drops: Sequence[int], start_ns: int | None
) -> dict[str, Any]:
    """One port's part of the report; instants are seconds since the first arrival on any port."""
    sockets = np.flatnonzero(tally.port_of_socket == index).tolist()
    by_socket = tally.by_socket[sockets]
    first_s = last_s = run_last_s = None
    if by_socket["events"].any() and start_ns is not None:
        first_s = (int(by_socket["first_ns"].min()) - start_ns) / SECOND_NS
        last_s = (int(by_socket["last_ns"].max()) - start_ns) / SECOND_NS
        if run_last_ns := int(by_socket["run_last_ns"].max()):
            run_last_s = (run_last_ns - start_ns) / SECOND_NS
    stamps = ("bad_stamps", "coarse_stamps", "early_stamps", "old_stamps")
    return {
        "port": tally.ports[index],
        "received_events": int(by_socket["events"].sum()),
        "received_bytes": int(by_socket["bytes"].sum()),
        "kernel_drops": sum(kernel_drops[own] for own in sockets),
        "first_arrival_s": first_s,
        "last_arrival_s": last_s,
        "run_last_arrival_s": run_last_s,
        **{name: int(by_socket[name].sum()) for name in stamps},
        "latency_ms": _latency_ms(merged(tally.ages[sockets])),
        "buffer_bytes": min(ending.buffer_bytes[own] for own in sockets),
        "waiting_bytes": None if ending.waiting_bytes is None else sum(ending.waiting_bytes[own] for own in sockets),
        **lane_tags(index, tally, cut, [kernel_drops[own] for own in sockets]),
    }


def _latency_ms(age: Histogram) -> LatencyFigures | None:
    """The times from stamp to arrival. Stamps are rounded down to 1 ms or finer, so times are up to 1 ms too high."""
    if age.mean_us is None or age.max_us is None:
        return None
    percentiles = {f"p{percent}": age.percentile_us(percent) or 0.0 for percent in (50, 95, 99)}
    figures_us = {"mean": age.mean_us, **percentiles, "max": age.max_us}
    figures_ms = {name: round(value_us / 1000, 3) for name, value_us in figures_us.items()}
    return LatencyFigures(**figures_ms, samples=age.samples, resolution_ms=1)


def sink_table(report: SinkReport, *, wide: bool = False) -> str:
    """The report as text in 80 columns: ports, then totals. Of many ports, only odd ones are shown unless `wide`."""
    lanes = report.lanes
    if not wide and len(lanes) > MOST_SHOWN:
        lanes = [lane for lane in lanes if _odd(lane)][:MOST_SHOWN]
    lines = [f"{'port':>6} {'events':>15} {'bytes':>18} {'drops':>9} {'bad stamps':>11}"]
    lines += [_row(lane["port"], lane) for lane in lanes]
    lines.append(_row("all", vars(report)))
    if left := len(report.lanes) - len(lanes):
        lines.append(f"{counted(left, 'more port')} with --wide, and in the report")
    if report.rate_eps is not None:
        peak = "" if report.peak_eps is None else f", best second {format_count(report.peak_eps)}"
        lines.append(f"{format_count(report.rate_eps)} events/s over {report.duration_s:.1f} s{peak}")
    lines += _stamp_lines(report)
    if report.tags is not None:
        lines += tag_lines(report)
    if report.unverified_events:
        lines.append(unverified_line(report.unverified_events))
    if report.kernel_drops:
        lines.append("drops are packets as the kernel holds them; a joined one is up to 128 events")
    if report.ended_by in (FAILURE, HURRIED) and (unread := sum(lane["waiting_bytes"] or 0 for lane in report.lanes)):
        lines.append(f"{format_size(unread)} of memory held packets at the sockets that nobody read")
    lines.append(f"{format_size(report.received_bytes)} received; ended by {report.ended_by}")
    return "\n".join(lines)


def _odd(lane: dict[str, Any]) -> bool:
    """Whether a reader should look at a port: it got nothing, or something was wrong with what it got."""
    names = ("kernel_drops", "bad_stamps", "lost_events", "duplicated_events", "late_events", "cut_events")
    strange = ("malformed_events", "foreign_events", "unconfirmed", "came_by")
    return not lane["received_events"] or any(lane[name] for name in (*names, *strange))


def _stamp_lines(report: SinkReport) -> list[str]:
    """A few lines on what the stamps say."""
    lines, latency_ms = [], report.latency_ms
    if latency_ms is not None:
        figures = ", ".join(f"{name} {getattr(latency_ms, name):.2f}" for name in ("mean", "p50", "p95", "p99", "max"))
        lines.append(f"stamp to arrival, ms: {figures}")
    elif report.received_events:
        lines.append("latency not measured: no event has a stamp from the hour before its arrival")
    for stamps, one, several, said in (
        (report.bad_stamps, "is missing, or of a kind", "are missing, or of kinds", " that the sink does not read"),
        (report.coarse_stamps, "is", "are", " of whole seconds: too coarse for a latency"),
        (
            report.early_stamps,
            "lies",
            "lie",
            " in the future: the clocks of the two hosts differ, or a fast run shifted them",
        ),
        (
            report.old_stamps,
            "is over an hour old: a kept one",
            "are over an hour old: kept ones",
            ", or the clocks differ",
        ),
    ):
        if stamps:
            lines.append(f"{counted(stamps, 'stamp')} {one if stamps == 1 else several}{said}")
    return lines


def _row(name: object, counts: dict[str, Any]) -> str:
    """One line of the table."""
    return (
        f"{name:>6} {counts['received_events']:>15,} {counts['received_bytes']:>18,} "
        f"{counts['kernel_drops']:>9,} {counts['bad_stamps']:>11,}"
    )
