"""The flags that say how fast a run sends, how much, and when it starts."""

from fractions import Fraction
from typing import Final

import click

from captures.console.command import COUNT, DURATION_NS, Parsed, grouped
from captures.console.errors import InputError
from captures.console.units import parse_count, parse_speed
from replay.clock import wall_ns
from replay.commands.options.instants import parse_instant
from replay.plan.pace import Extent, Pace, PaceRequest
from replay.scenario.course import ramped_up

MAX_RATE: Final = 0
"""The value that `--eps max` is parsed to."""


def parse_rate(text: str) -> int:
    """The rate in events a second; MAX_RATE stands for `max`. Raises ValueError with a line that gives an example."""
    if text.strip() == "max":
        return MAX_RATE
    rate_eps = parse_count(text)
    if rate_eps == 0:
        raise ValueError("a rate is 1 at least; write it like 500, 250k or 4M, or max")
    return rate_eps


def speed_or_max(text: str) -> Fraction:
    """The speed as an exact fraction; 0 stands for `max`. Raises ValueError with a line that gives an example."""
    if text.strip() == "max":
        return Fraction(0)
    try:
        return parse_speed(text)
    except ValueError as error:
        raise ValueError(f"{error}, or max") from None


def _options(
    *,
    rate_eps: int | None,
    speed: Fraction | None,
    duration_ns: int | None,
    loops: int | None,
    events: int | None,
    start_at_ns: int | None,
    scenario: str | None,
    time_scale: Fraction | None,
    ramp_up_ns: int | None,
) -> PaceRequest:
    if scenario is None and time_scale is not None:
        raise InputError("--time-scale: there is no scenario whose phases it could make shorter")
    if ramp_up_ns is not None:
        if scenario is not None or not rate_eps or duration_ns is None:
            raise InputError("--ramp-up: is the first part of a run at one rate: say --eps and --duration as well")
        course = ramped_up(rate_eps, duration_ns, ramp_up_ns)
        return PaceRequest(Pace(rate_eps, speed, course), _extent(None, loops, events), start_at_ns)
    if scenario is not None:
        from replay.scenario.loading import load_scenario  # noqa: PLC0415 - pydantic takes a while to load
        from replay.scenario.unfolding import course_of  # noqa: PLC0415 - pydantic takes a while to load

        course = course_of(load_scenario(scenario), rate_eps or None, time_scale or Fraction(1))
        return PaceRequest(Pace(course.target_eps, speed, course), _extent(duration_ns, loops, events), start_at_ns)
    return PaceRequest(_pace(rate_eps, speed), _extent(duration_ns, loops, events), start_at_ns)


def _extent(duration_ns: int | None, loops: int | None, events: int | None) -> Extent | None:
    said = any(value is not None for value in (duration_ns, loops, events))
    return Extent(duration_ns, loops, events) if said else None


def _pace(rate_eps: int | None, speed: Fraction | None) -> Pace:
    """The pace that `--eps` and `--speed` ask for. Raises InputError if neither is given: there is no default rate."""
    if rate_eps is None and speed is None:
        raise InputError(
            "say how fast: --eps 10k (events a second of all ports together), --speed 1 (as the capture's time axis "
            "has them), or --eps max"
        )
    if speed is not None:
        return Pace(rate_eps, speed)  # with a rate, even max, `Pace.check` refuses it
    return Pace(rate_eps or None)


pace_options: Final = grouped(
    "time",
    _options,
    click.option(
        "-e",
        "--eps",
        "rate_eps",
        type=Parsed("rate", parse_rate),
        help="Events per second of all ports together, or max: as fast as it goes. This or --speed is needed.",
    ),
    click.option(
        "--speed",
        type=Parsed("speed", speed_or_max),
        metavar="X",
        help="Follow the capture's time axis, X times as fast, like 1, 10 or 0.5; max: as fast as it goes.",
    ),
    click.option(
        "-d",
        "--duration",
        "duration_ns",
        type=DURATION_NS,
        help="How long to send.  [default: 10s, or with --speed the whole capture]",
    ),
    click.option("--loops", type=click.IntRange(1), help="Send the whole capture this many times."),
    click.option("--events", type=COUNT, help="Send exactly this many events, however long that takes at the rate."),
    click.option(
        "--ramp-up",
        "ramp_up_ns",
        type=DURATION_NS,
        help="Rise to --eps in this first part of --duration, on a straight line.",
    ),
    click.option(
        "--scenario",
        metavar="NAME|FILE",
        help="Follow the phases of a scenario, of which --eps is 100%; see replay scenarios.",
    ),
    click.option(
        "--time-scale",
        type=Parsed("factor", parse_speed),
        metavar="X",
        help="Make each phase of the scenario X times as long, like 0.01 for a rehearsal.",
    ),
    click.option(
        "--start-at",
        "start_at_ns",
        type=Parsed("instant", lambda text: parse_instant(text, wall_ns())),
        help="Get ready, wait, and start at this instant, like 2026-11-26T14:00:00Z or +10s.  "
        "[default: when it is ready]",
    ),
)
"""A decorator that gives a command these flags; the command gets them all as one argument, `time`, a PaceRequest."""
