"""How the rate of a capture changes with time: what a profile's `timeline:` says.

    timeline:
      curve: [[0s, 0.2], [2h, 1], [6h, 1], [8h, 0.4]]   # straight between the points, level before and after them
      # or diurnal: {low: 0.2, peak: "14:00"}           # 1 at the peak (UTC), low twelve hours later, smooth between
      bursts:
        - {at: 30m, length: 20s, factor: 5}             # or at: [30m, 1h]
        - {every: 10m, length: 5s, factor: 8}           # a Poisson process, drawn from the seed

At any instant the rate is that of the build, times the curve's factor, times the highest factor of the bursts that
are on. What the YAML says becomes knots and spans in integers, and `precompute.timeline.windows` makes windows of them.
"""

import re
from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import pairwise
from typing import Annotated, Any, Final

import numpy as np
from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from captures.console.errors import InputError
from captures.console.units import parse_duration_ns
from captures.format.layout import Table
from captures.notation.models import Duration, Model, Text
from precompute.draws.streams import Purpose, stream
from precompute.timeline.windows import MAX_WINDOWS, NANO, Knots, Span, cut_windows

MAX_FACTOR: Final = 1000
MAX_DURATION_NS: Final = 366 * 86_400 * 10**9
"""The longest duration of a capture: a leap year."""

_MINUTE_NS: Final = 60 * 10**9
_DAY_NS: Final = 24 * 60 * _MINUTE_NS
_HALF_DAY_STEPS: Final = 48
_STEP_NS: Final = 15 * _MINUTE_NS
"""The diurnal curve is straight between quarters of an hour, which is off by 0.0004 at most."""
_PEAK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DECIMAL: Final = Context(prec=30)
_LN_WORDS: Final = _DECIMAL.ln(1 << 64)


def _checked_factor(value: Any) -> int | float:
    if type(value) not in (int, float) or not 0 <= value <= MAX_FACTOR:
        raise ValueError(f"must be a number from 0 to {MAX_FACTOR}")
    if _nano(value) != Decimal(repr(value)) * NANO:
        raise ValueError("has more than nine decimals; round it")
    return value  # type: ignore[no-any-return]


def _nano(factor: float) -> int:
    """A factor in 10^-9."""
    return int(Decimal(repr(factor)) * NANO)


def _checked_instant(text: str) -> str:
    parse_duration_ns(text)
    return text


def _checked_time_of_day(text: str) -> str:
    if not _PEAK.fullmatch(text):
        raise ValueError(f'{text!r} is not a time of day; write it like "14:00"')
    return text


Factor = Annotated[
    int | float,
    PlainValidator(_checked_factor),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_FACTOR}),
]
Instant = Annotated[Text, AfterValidator(_checked_instant)]


def _checked_curve(points: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    times = [parse_duration_ns(text) for text, _ in points]
    if not times:
        raise ValueError("needs at least one point, like [0s, 1]")
    for i, (before_ns, after_ns) in enumerate(pairwise(times)):
        if after_ns < before_ns:
            raise ValueError(f"{points[i + 1][0]} comes after {points[i][0]}; write the points in the order of time")
    return points


class Diurnal(Model):
    """A day's rise and fall."""

    low: Factor
    """The factor twelve hours from the peak; at the peak the factor is 1."""
    peak: Annotated[Text, AfterValidator(_checked_time_of_day)]
    """The time of day of the peak, HH:MM in UTC."""

    @model_validator(mode="after")
    def _check_low(self) -> "Diurnal":
        if self.low > 1:
            raise ValueError("low must be at most 1, which is the factor of the peak")
        return self

    def knots(self, start_ns: int, duration_ns: int) -> Knots:
        """A knot each quarter of an hour, from the last before `start_ns` (UTC, since 1970) on.

        They lie on the smoothstep 3u^2 - 2u^3 between low and 1, each rounded down to 10^-9.
        """
        hour, minute = self.peak.split(":")
        since_peak_ns = (start_ns - (int(hour) * 60 + int(minute)) * _MINUTE_NS) % _DAY_NS
        low, n = _nano(self.low), _HALF_DAY_STEPS
        steps = range(since_peak_ns // _STEP_NS, -(-(since_peak_ns + duration_ns) // _STEP_NS) + 1)
        from_low = (abs(step % (2 * n) - n) for step in steps)
        return [
            (step * _STEP_NS - since_peak_ns, low + (NANO - low) * (3 * n - 2 * u) * u * u // n**3)
            for step, u in zip(steps, from_low, strict=True)
        ]


class Burst(Model):
    """A stretch at a higher (or lower) rate: at given instants, or again and again."""

    at: Annotated[
        tuple[Instant, ...],
        BeforeValidator(
            lambda at: at if isinstance(at, list | tuple) else (at,), json_schema_input_type=str | list[str]
        ),
    ] = ()
    every: Duration | None = None
    """The mean time from one burst's start to the next one's."""
    length: Duration
    factor: Factor

    @model_validator(mode="after")
    def _check_kind(self) -> "Burst":
        if bool(self.at) == (self.every is not None):
            raise ValueError("needs one of the keys at and every, like at: 30m or every: 10m")
        return self

    def starts_ns(self, duration_ns: int, bits: np.random.Philox) -> Iterator[int]:
        """When the bursts begin, in ns from the capture's start; of `every`, those that begin before `duration_ns`."""
        if self.every is None:
            yield from map(parse_duration_ns, self.at)
            return
        mean_ns = parse_duration_ns(self.every)
        if duration_ns // mean_ns > MAX_WINDOWS // 2:
            raise InputError(
                f"timeline: a burst every {self.every} is too often for so long a build; make bursts rarer"
            )
        start_ns = _gap_ns(mean_ns, bits)
        while start_ns < duration_ns:
            yield start_ns
            start_ns += _gap_ns(mean_ns, bits)


def _gap_ns(mean_ns: int, bits: np.random.Philox) -> int:
    """An exponential deviate, -ln(U) * mean with U in (0, 1]; decimal's ln is correctly rounded on any machine."""
    minus_ln = _DECIMAL.subtract(_LN_WORDS, _DECIMAL.ln(int(bits.random_raw()) + 1))
    return int(_DECIMAL.multiply(minus_ln, mean_ns))


class Timeline(Model):
    """A profile's `timeline`."""

    curve: Annotated[tuple[tuple[Instant, Factor], ...], AfterValidator(_checked_curve)] | None = None
    diurnal: Diurnal | None = None
    bursts: tuple[Burst, ...] = ()

    @model_validator(mode="after")
    def _check_curve(self) -> "Timeline":
        if self.curve is not None and self.diurnal is not None:
            raise ValueError("curve and diurnal exclude each other; keep one of them")
        return self

    def knots(self, start_ns: int, duration_ns: int) -> Knots:
        """The curve's knots, of which the first may lie before the capture and the last ones after it."""
        if self.diurnal is not None:
            return self.diurnal.knots(start_ns, duration_ns)
        return [(parse_duration_ns(text), _nano(factor)) for text, factor in self.curve or [("0s", 1)]]

    def spans(self, duration_ns: int, seed: int) -> Iterator[Span]:
        """The bursts; each entry draws from a stream of its own."""
        for number, burst in enumerate(self.bursts):
            length_ns, factor = parse_duration_ns(burst.length), _nano(burst.factor)
            for start_ns in burst.starts_ns(duration_ns, stream(seed, number, Purpose.TIMELINE)):
                yield start_ns, start_ns + length_ns, factor


def rate_windows(timeline: Timeline | None, *, start_ns: int, duration_ns: int, rate_eps: int, seed: int) -> Table:
    """The windows of a capture that starts at `start_ns` (UTC, since 1970): RATE_WINDOW rows, see `cut_windows`.

    `rate_eps` is the rate where the timeline says 1, and the rate throughout without a timeline. Raises InputError
    when the duration is longer than MAX_DURATION_NS, and when there would be more than MAX_WINDOWS or no events.
    """
    if duration_ns > MAX_DURATION_NS:
        raise InputError("a capture lasts at most 366 days; shorten the duration")
    timeline = timeline or Timeline()
    curve, spans = timeline.knots(start_ns, duration_ns), timeline.spans(duration_ns, seed)
    return cut_windows(curve, spans, duration_ns=duration_ns, rate_eps=rate_eps)
