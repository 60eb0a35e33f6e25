"""Criteria by which a run is judged: a limit, what was measured, and whether that keeps it. Pure.

What was not measured does not keep any limit.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from replay.clock import SECOND_NS

_MS_NS: Final = SECOND_NS // 1000


@dataclass(frozen=True)
class Criteria:
    """The limits that were set; None: this one was not."""

    max_loss: Fraction | None = None
    """Share of the sent events, by the sink's word."""
    min_eps: int | None = None
    """Mean rate."""
    max_latency_p99_ns: int | None = None
    """From stamp to arrival, by the sink's word."""
    max_cpu: Fraction | None = None
    """Share of its core that the busiest worker may take."""

    @property
    def needs_sink(self) -> str | None:
        """The flag of a limit that only a sink can measure."""
        given = (("--max-loss", self.max_loss), ("--max-latency-p99", self.max_latency_p99_ns))
        return next((flag for flag, limit in given if limit is not None), None)


def judge(criteria: Criteria, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Each limit that was set against a run's report, as `name`, `limit`, `measured` and `met`."""
    sink = report["sink"] or {}
    cpu = [worker["cpu_percent"] for worker in report["workers"]]
    busiest = None if None in cpu or not cpu else max(cpu)
    shares = (criteria.max_loss, criteria.max_cpu)
    percent_loss, percent_cpu = (None if share is None else float(share * 100) for share in shares)
    limit_ns = criteria.max_latency_p99_ns
    latency_ms = None if limit_ns is None else limit_ns / _MS_NS
    rows = (
        ("max_loss_percent", percent_loss, sink.get("loss_percent"), -1),
        ("min_eps", criteria.min_eps, report["achieved_eps"], 1),
        ("max_latency_p99_ms", latency_ms, sink.get("latency_p99_ms"), -1),
        ("max_cpu_percent", percent_cpu, busiest, -1),
    )
    return [
        {
            "name": name,
            "limit": limit,
            "measured": measured,
            "met": measured is not None and (measured - limit) * sign >= 0,
        }
        for name, limit, measured, sign in rows
        if limit is not None
    ]


def criterion_line(row: dict[str, Any]) -> str:
    """A row of `judge` for people."""
    measured = "not measured" if row["measured"] is None else f"{row['measured']:,.10g}"
    return f"{row['name']} {row['limit']:,.10g}: {measured}, {'met' if row['met'] else 'missed'}"
