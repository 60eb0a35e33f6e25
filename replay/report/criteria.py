"""Criteria by which a run is judged: a limit, what was measured, and whether that keeps it. Pure.

What was not measured does not keep any limit.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from replay.clock import SECOND_NS
from replay.exchange.place import Place

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
    loss, latency_ms, eps = sink.get("loss_percent"), sink.get("latency_p99_ms"), report["achieved_eps"]
    rows = []

    def add(name: str, limit: float, measured: float | None, *, met: bool) -> None:
        rows.append({"name": name, "limit": limit, "measured": measured, "met": measured is not None and met})

    if (share := criteria.max_loss) is not None:
        # Of the events themselves: of billions, a rounded share would hide one.
        kept = loss is not None and sink["lost_events"] <= share * report["sent_events"]
        add("max_loss_percent", float(share * 100), loss, met=kept)
    if (least := criteria.min_eps) is not None:
        add("min_eps", least, eps, met=eps >= least)
    if (limit_ns := criteria.max_latency_p99_ns) is not None:
        limit_ms = limit_ns / _MS_NS
        add("max_latency_p99_ms", limit_ms, latency_ms, met=latency_ms is not None and latency_ms <= limit_ms)
    if (share := criteria.max_cpu) is not None:
        add("max_cpu_percent", float(share * 100), busiest, met=busiest is not None and busiest <= share * 100)
    return rows


def criterion_line(row: dict[str, Any]) -> str:
    """A row of `judge` for people."""
    measured = "not measured" if row["measured"] is None else f"{row['measured']:,.10g}"
    return f"{row['name']} {row['limit']:,.10g}: {measured}, {'met' if row['met'] else 'missed'}"


@dataclass(frozen=True)
class Limits:
    """What a run must keep to pass, and which sink is asked."""

    sink: Place | None = None
    token: str | None = None
    """That the sink asks for."""
    abort_loss: Fraction | None = None
    """The run is ended when a larger share of its events is lost; None: it goes on."""
    criteria: Criteria = Criteria()
