"""Which of several runs went on at the same time, and what they sent and had due in each interval of it. Pure.

Two runs overlap in time, or one follows the other. Runs that overlap are one load: their intervals are added where they
lie on one grid, which is so for runs of the same interval that began at the same instant or whole intervals apart, as
with the same `--start-at`. Runs that follow each other on different grids are judged each by itself.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from replay.board.intervals import Verdicts
from replay.board.series import Row
from replay.clock import SECOND_NS
from replay.report.model import IntervalFigures, OfferedFigures, RunReport

_MOST_ROWS: Final = 100_000
"""Of intervals that are added up; runs that are further apart stay in the parts."""


def end_ns(part: RunReport) -> int:
    """When the last batch of a run that was started had left, in nanoseconds since 1970."""
    return (part.start_ns or 0) + round(part.duration_s * SECOND_NS)


def spans(parts: Sequence[RunReport]) -> list[list[RunReport]]:
    """The runs in groups in the order of time: those of a group overlap, and no two groups do.

    Runs that were never started belong to none.
    """
    groups: list[list[RunReport]] = []
    until_ns = 0
    for part in sorted((each for each in parts if each.start_ns is not None), key=lambda each: each.start_ns or 0):
        if groups and (part.start_ns or 0) < until_ns:
            groups[-1].append(part)
        else:
            groups.append([part])
        until_ns = max(until_ns, end_ns(part))
    return groups


def duration_ns(parts: Sequence[RunReport]) -> int:
    """From the first start to the last batch; 0 where none was started."""
    begun = [part for part in parts if part.start_ns is not None]
    return max(map(end_ns, begun)) - min(part.start_ns or 0 for part in begun) if begun else 0


def summed(parts: Sequence[RunReport]) -> IntervalFigures | None:
    """The intervals of all runs added up; None where their grids differ, or one of them has none."""
    known = [(part.start_ns, part.intervals) for part in parts if part.start_ns is not None and part.intervals]
    if not known or len(known) < len(parts):
        return None
    first_ns, (_, first) = min(start_ns for start_ns, _ in known), known[0]
    length_ns = round(first.interval_ms * 1e6)
    placed: list[tuple[int, list[Row]]] = []
    for start_ns, series in known:
        offset, apart_ns = divmod(start_ns - first_ns, length_ns)
        if apart_ns or (series.interval_ms, series.joined) != (first.interval_ms, first.joined):
            return None
        placed.append((offset, _rows(series)))
    count = max(offset + len(rows) for offset, rows in placed)
    if count > _MOST_ROWS:
        return None
    total: list[Row] = [(0, 0)] * count
    for offset, rows in placed:
        for place, row in enumerate(rows, offset):
            before = total[place]
            total[place] = None if row is None or before is None else (before[0] + row[0], before[1] + row[1])
    return IntervalFigures(
        first.interval_ms, first.joined, [row and row[0] for row in total], [row and row[1] for row in total]
    )


def _rows(series: IntervalFigures) -> list[Row]:
    pairs = zip(series.sent_events, series.due_events, strict=True)
    return [None if sent is None or due is None else (sent, due) for sent, due in pairs]


def _judged(group: Sequence[RunReport]) -> Verdicts | None:
    """The added intervals of runs that overlap, judged as those of one run are; None where they can't be."""
    series = summed(group)
    if series is None or series.joined > 1:
        return None
    verdicts = Verdicts(round(series.interval_ms * 1e6))
    for row in _rows(series):
        verdicts.judge(row)
    return verdicts


def _joined(groups: Sequence[Sequence[RunReport]]) -> Sequence[Sequence[RunReport]]:
    """All in one group where the intervals of all can be added up, so that a second may span two runs."""
    every = list(chain.from_iterable(groups))
    return [every] if _judged(every) else groups


def peak_eps(groups: Sequence[Sequence[RunReport]]) -> float | None:
    """The best second of any group; None where one of them is not known."""
    peaks: list[float] = []
    for group in _joined(groups):
        if len(group) == 1:
            peak = group[0].peak_eps
        else:
            verdicts, time_ns = _judged(group), duration_ns(group)
            mean_eps = sum(part.sent_events for part in group) * SECOND_NS / time_ns if time_ns else 0.0
            peak = None if verdicts is None else round(max(verdicts.peak_eps or 0.0, mean_eps), 3)
        if peak is None:
            return None
        peaks.append(peak)
    return max(peaks, default=0.0)


def offered(groups: Sequence[Sequence[RunReport]]) -> OfferedFigures | None:
    """Offered against asked load of all groups; None where one of them can't be judged, or their intervals differ."""
    found: list[OfferedFigures] = []
    for group in _joined(groups):
        if len(group) == 1:
            figures = group[0].offered
        else:
            verdicts = _judged(group)
            told = verdicts and verdicts.figures()
            figures = OfferedFigures(**told) if told else None
        if figures is None:
            return None
        found.append(figures)
    if len({each.interval_ms for each in found}) != 1:
        return None
    return OfferedFigures(
        interval_ms=found[0].interval_ms,
        intervals=sum(each.intervals for each in found),
        below_95_percent=sum(each.below_95_percent for each in found),
        worst_percent=min(each.worst_percent for each in found),
        not_measured=sum(each.not_measured for each in found),
    )


def overlapping(groups: Sequence[Sequence[RunReport]]) -> bool:
    """Whether any two of the runs went on at the same time."""
    return len(groups) < len(list(chain.from_iterable(groups)))
