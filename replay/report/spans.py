"""Which of several runs went on at the same time, and what did they send together in each interval? Pure.

Two runs overlap in time, or one follows the other. Runs that overlap are one load: their intervals are added if they
lie on one grid. They do if the intervals are of one length, and the runs began at the same instant or whole intervals
apart, as with the same `--start-at`. Runs that follow each other on different grids are judged each by itself.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from replay.board.series import Row
from replay.clock import SECOND_NS
from replay.report.model import IntervalFigures, OfferedFigures, RunReport
from replay.supervision.offered_load import Verdicts

_MOST_ROWS: Final = 100_000
"""The most intervals that are added; if runs lie so far apart that there would be more, they are not added."""


def end_ns(part: RunReport) -> int:
    """When the last batch of a run had left, in nanoseconds since 1970; the run must have been started."""
    return (part.start_ns or 0) + round(part.duration_s * SECOND_NS)


def spans(parts: Sequence[RunReport]) -> list[list[RunReport]]:
    """Put the runs into groups, in the order of time: the runs of a group overlap, and no two groups do.

    Runs that were never started belong to no group.
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
    """The time from the first start to the last batch of all; 0 if no run was started."""
    begun = [part for part in parts if part.start_ns is not None]
    return max(map(end_ns, begun)) - min(part.start_ns or 0 for part in begun) if begun else 0


def summed(parts: Sequence[RunReport]) -> IntervalFigures | None:
    """The sums of the intervals of all runs; None if their grids differ, or a run has no intervals."""
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
    """Judge the summed intervals of overlapping runs like those of one run; None if they can't be summed."""
    series = summed(group)
    if series is None or series.joined > 1:
        return None
    verdicts = Verdicts(round(series.interval_ms * 1e6))
    for row in _rows(series):
        verdicts.judge(row)
    return verdicts


def _joined(groups: Sequence[Sequence[RunReport]]) -> Sequence[Sequence[RunReport]]:
    """One group of all runs if the intervals of all can be summed, so that the best second may lie in two runs."""
    every = list(chain.from_iterable(groups))
    return [every] if _judged(every) else groups


def peak_eps(groups: Sequence[Sequence[RunReport]]) -> float | None:
    """Events of the best second of all groups; None if that of one group is not known."""
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
    """How evenly all groups sent, compared with what was due; None if a group can't be judged, or intervals differ."""
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
    """Whether two of the runs or more went on at the same time."""
    return len(groups) < len(list(chain.from_iterable(groups)))
