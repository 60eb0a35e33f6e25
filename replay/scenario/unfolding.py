"""How a scenario's file becomes the phases of a run: repeats and steps unfold, and rates become events a second."""

from collections.abc import Iterator
from fractions import Fraction
from math import cos, tau
from typing import Final

from captures.console.errors import InputError
from captures.console.units import parse_duration_ns, parse_share, parse_size
from replay.scenario.course import Course
from replay.scenario.limits import Criteria, PhaseLimits
from replay.scenario.model import Bursts, Expectation, PhaseExpectation, PhaseModel, Rate, ScenarioModel, Steps, Wave
from replay.scenario.phases import Line, Phase
from replay.schedule.rates import LONGEST_NS

MOST_PHASES: Final = 10_000
_MOST_LINES: Final = 100_000
"""The most straight lines of all rates together."""
_WAVE: Final = 64
"""A sine is this many straight lines in each period, which is off by 0.0006 of its height at most."""


def course_of(scenario: ScenarioModel, rate_eps: int | None, time_scale: Fraction = Fraction(1)) -> Course:
    """The course of a scenario, where `rate_eps` is 100%; None: its file says what that is.

    All times are `time_scale` times as long. Raises InputError when nobody says what 100% is, and when the phases are
    too many, or take too long.
    """
    target_eps = rate_eps or (int(Rate(scenario.target).eps(0)) if scenario.target else None)
    if target_eps is None:
        raise InputError(f"{scenario.name}: say what 100% is: --eps 4M, or target: 4M in its file")
    phases = phases_of(scenario, target_eps, time_scale)
    duration_ns = sum(phase.duration_ns for phase in phases)
    mean_eps = sum((phase.mean_eps * phase.duration_ns for phase in phases), Fraction(0)) / duration_ns
    return Course(scenario.name, target_eps, phases, _run_limits(scenario.expect, mean_eps))


def _run_limits(expect: Expectation, mean_eps: Fraction) -> Criteria:
    return Criteria(
        min_eps=None if expect.eps is None else int(Rate(expect.eps).eps(mean_eps)),
        max_loss=None if expect.loss is None else parse_share(expect.loss),
        max_latency_p99_ns=None if expect.latency_p99 is None else parse_duration_ns(expect.latency_p99),
        max_cpu=None if expect.cpu is None else parse_share(expect.cpu),
        max_memory_bytes=None if expect.memory is None else parse_size(expect.memory),
    )


def phases_of(scenario: ScenarioModel, target_eps: int, time_scale: Fraction) -> tuple[Phase, ...]:
    """All phases, with times `time_scale` times as long. Raises InputError when they are too many, or take too long."""
    found: list[Phase] = []
    lines = 0
    for phase in _flat(scenario.phases, target_eps, time_scale, ""):
        found.append(phase)
        lines += len(phase.lines)
        if len(found) > MOST_PHASES or lines > _MOST_LINES:
            raise InputError(f"{scenario.name}: has more than {MOST_PHASES:,} phases, or too fine ones; repeat less")
    if sum(phase.duration_ns for phase in found) > LONGEST_NS:
        raise InputError(f"{scenario.name}: takes over 100 years")
    return tuple(found)


def _flat(phases: tuple[PhaseModel, ...], target_eps: int, scale: Fraction, front: str) -> Iterator[Phase]:
    """The phases that come of those of a file; `front` is what their names begin with."""
    for number, phase in enumerate(phases, 1):
        name = front + (phase.name or f"{number} {phase.kind}")
        if phase.repeat is not None:
            for turn in range(1, phase.repeat + 1):
                yield from _flat(phase.phases, target_eps, scale, f"{name} {turn}/{phase.repeat}: ")
        elif phase.step is not None:
            for rate_eps in _steps(phase.step, target_eps):
                yield _phase(f"{name} {_percent(rate_eps, target_eps)}", phase, [Line(1, rate_eps, rate_eps)], scale)
        else:
            yield _phase(name, phase, [*_lines(phase, target_eps, scale)], scale)


def _phase(name: str, phase: PhaseModel, lines: list[Line], scale: Fraction) -> Phase:
    """A phase of `lines`; a single one lasts as long as the phase."""
    if len(lines) == 1:
        lines = [lines[0]._replace(duration_ns=_scaled(phase.lasting or phase.pause or "", scale))]
    made = Phase(name, tuple(lines))
    return Phase(name, made.lines, _limits(phase.expect, made.mean_eps, scale)) if phase.expect else made


def _limits(expect: PhaseExpectation, mean_eps: Fraction, scale: Fraction) -> PhaseLimits:
    return PhaseLimits(
        min_eps=None if expect.eps is None else Rate(expect.eps).eps(mean_eps),
        max_loss=None if expect.loss is None else parse_share(expect.loss),
        max_cpu=None if expect.cpu is None else parse_share(expect.cpu),
        recovery_ns=None if expect.recovery is None else _scaled(expect.recovery, scale),
    )


def _scaled(text: str, scale: Fraction) -> int:
    """A duration in nanoseconds, at least 1."""
    return max(1, round(parse_duration_ns(text) * scale))


def _percent(rate_eps: Fraction, target_eps: int) -> str:
    return f"{float(100 * rate_eps / target_eps):g}%"


def _steps(steps: Steps, target_eps: int) -> Iterator[Fraction]:
    """The rate of each step; the last one is `to`, even if the height of a step does not lead to it."""
    first, last, height = (Rate(text).eps(target_eps) for text in (steps.first, steps.last, steps.by))
    sign = 1 if last >= first else -1
    for number in range(min(MOST_PHASES, int(abs(last - first) / height)) + 1):
        yield (rate_eps := first + sign * number * height)
    if rate_eps != last:
        yield last


def _lines(phase: PhaseModel, target_eps: int, scale: Fraction) -> Iterator[Line]:
    """The straight lines of a phase. A phase of one line says itself how long that is."""
    if phase.pause is not None:
        yield Line(1, Fraction(0), Fraction(0))
    elif phase.hold is not None:
        yield Line(1, Rate(phase.hold).eps(target_eps), Rate(phase.hold).eps(target_eps))
    elif phase.ramp is not None:
        yield Line(1, Rate(phase.ramp.first).eps(target_eps), Rate(phase.ramp.last).eps(target_eps))
    else:
        whole_ns = _scaled(phase.lasting or "", scale)
        turns = _burst(phase.burst, target_eps, scale) if phase.burst else _wave(phase.sine, target_eps, scale)
        yield from _cut(turns, whole_ns)


def _burst(burst: Bursts, target_eps: int, scale: Fraction) -> list[Line]:
    """One turn of bursts."""
    low, high = Rate(burst.low).eps(target_eps), Rate(burst.high).eps(target_eps)
    length_ns, every_ns = _scaled(burst.length, scale), _scaled(burst.every, scale)
    return [Line(max(1, every_ns - length_ns), low, low), Line(length_ns, high, high)]


def _wave(wave: Wave | None, target_eps: int, scale: Fraction) -> list[Line]:
    """One period of a sine from its low on: (1 - cos) / 2 of its height."""
    assert wave is not None
    low, high, period_ns = Rate(wave.low).eps(target_eps), Rate(wave.high).eps(target_eps), _scaled(wave.period, scale)
    rates = [low + (high - low) * (1 - _cosine(i)) / 2 for i in range(_WAVE + 1)]
    edges = [period_ns * i // _WAVE for i in range(_WAVE + 1)]
    return [Line(max(1, edges[i + 1] - edges[i]), rates[i], rates[i + 1]) for i in range(_WAVE)]


def _cosine(part: int) -> Fraction:
    """The cosine of `part` / 64 of a turn, to six digits, so that it is the same on every machine."""
    return Fraction(round(cos(tau * part / _WAVE) * 10**6), 10**6)


def _cut(turn: list[Line], whole_ns: int) -> Iterator[Line]:
    """The lines of a turn again and again, until `whole_ns` are full; the last one ends on its way."""
    left_ns = whole_ns
    while left_ns:
        for line in turn:
            if line.duration_ns >= left_ns:
                part = line.first_eps + (line.last_eps - line.first_eps) * left_ns / line.duration_ns
                yield Line(left_ns, line.first_eps, part)
                return
            yield line
            left_ns -= line.duration_ns
