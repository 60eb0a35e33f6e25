"""The rate of a scenario over its time as a picture of letters, and its phases as a table. Pure."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from captures.console.units import counted, format_count, format_duration
from replay.scenario.course import Course
from replay.scenario.phases import Phase

_COLUMNS: Final = 60
_ROWS: Final = 8


def picture(course: Course) -> list[str]:
    """Lines of a chart: a column is a 60th of the time, and its height the highest rate in it."""
    heights = _peaks(course.phases, course.duration_ns)
    top = max(heights)
    lines = []
    for row in range(_ROWS, 0, -1):
        label = format_count(float(top * row / _ROWS))
        marks = "".join("#" if 2 * height * _ROWS >= top * (2 * row - 1) else " " for height in heights)
        lines.append(f"  {label:>7} |{marks}".rstrip())
    end = format_duration(course.duration_ns)
    return [*lines, f"{'0':>9} +{'-' * _COLUMNS}", f"{'':>11}{'0s':<{_COLUMNS - len(end)}}{end}"]


def _peaks(phases: Sequence[Phase], duration_ns: int) -> list[Fraction]:
    """The highest rate in each column."""
    found = [Fraction(0)] * _COLUMNS
    start_ns = 0
    for line in (line for phase in phases for line in phase.lines):
        end_ns = start_ns + line.duration_ns
        rise = (line.last_eps - line.first_eps) / line.duration_ns
        for column in range(start_ns * _COLUMNS // duration_ns, -(-end_ns * _COLUMNS // duration_ns)):
            left_ns = max(Fraction(start_ns), Fraction(column * duration_ns, _COLUMNS))
            right_ns = min(Fraction(end_ns), Fraction((column + 1) * duration_ns, _COLUMNS))
            ends = (line.first_eps + rise * (ns - start_ns) for ns in (left_ns, right_ns))
            found[column] = max(found[column], *ends)
        start_ns = end_ns
    return found


def phase_rows(course: Course, most: int = 20) -> Iterator[str]:
    """A line for each phase: when it begins, how long it is, its rates, and what is expected of it."""
    start_ns = 0
    for phase in course.phases[:most]:
        expected = "".join(f"; {each}" for each in _expected(phase))
        rates = f"{_rates(phase)} for {format_duration(phase.duration_ns)}"
        yield f"  {format_duration(start_ns):>9} {phase.name}: {rates}{expected}"
        start_ns += phase.duration_ns
    if len(course.phases) > most:
        yield f"  and {counted(len(course.phases) - most, 'phase')} more"


def _rates(phase: Phase) -> str:
    ends = [eps for line in phase.lines for eps in (line.first_eps, line.last_eps)]
    if len(set(ends)) == 1:
        return "silence" if not ends[0] else f"{format_count(float(ends[0]))} EPS"
    if len(phase.lines) == 1:
        return f"{format_count(float(ends[0]))} to {format_count(float(ends[1]))} EPS"
    return f"{format_count(float(min(ends)))} to {format_count(float(max(ends)))} EPS in turns"


def _expected(phase: Phase) -> Iterator[str]:
    limits = phase.limits
    if limits.min_eps is not None:
        yield f"at least {format_count(float(limits.min_eps))} EPS"
    if limits.max_loss is not None:
        yield f"loss {float(100 * limits.max_loss):g}% at most"
    if limits.max_cpu is not None:
        yield f"CPU {float(100 * limits.max_cpu):g}% at most"
    if limits.recovery_ns is not None:
        yield f"recovered within {format_duration(limits.recovery_ns)}"
