"""What may stand in the file of a scenario.

    name: burst
    target: 4M                     # what 100% is; replay run --eps says otherwise
    expect: {loss: 0.5%}
    phases:
      - {hold: 50%, for: 5m, expect: {eps: 95%}}
      - {ramp: {from: 50%, to: 125%}, for: 30s}
      - {step: {from: 25%, to: 100%, by: 25%}, for: 1m}              # a minute each
      - {burst: {low: 50%, high: 125%, every: 30s, length: 5s}, for: 5m}
      - {sine: {low: 50%, high: 100%, period: 10m}, for: 1h}
      - {pause: 10s}
      - {repeat: 3, phases: [...]}

A rate is a share of the target, or events a second.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from captures.console.units import parse_count, parse_duration_ns, parse_share, parse_size
from captures.notation.models import Duration, Integer, Model, Text

MOST_SHARE: Final = 1000
"""The greatest multiple of the target."""
MOST_REPEATS: Final = 10_000
_SHARE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?%", re.ASCII)
_KINDS: Final = ("hold", "ramp", "step", "burst", "sine", "pause", "repeat")


class Rate:
    """A rate as it is written: a share of the target, or events a second."""

    def __init__(self, text: str) -> None:
        """Read `50%`, `250k` or `4M`. Raises ValueError with an example."""
        match = _SHARE.fullmatch(text.strip())
        self.share = Fraction(match[1]) / 100 if match else None
        self.fixed_eps = None if match else parse_count(text)
        if self.share is not None and self.share > MOST_SHARE:
            raise ValueError(f"{text!r} is more than {MOST_SHARE} times the target")

    def eps(self, target_eps: int | Fraction) -> Fraction:
        """Events a second, where a share is one of `target_eps`."""
        return Fraction(self.fixed_eps or 0) if self.share is None else self.share * target_eps


def _checked_some_rate(text: str) -> str:
    if not Rate(text).eps(1):
        raise ValueError("must be more than 0; a silence is written as pause: 10s")
    return text


def _readable_by(parse: Callable[[str], object]) -> AfterValidator:
    """Leave a text as it is that `parse` can read."""

    def checked(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(checked)


def _as_text(value: Any) -> Any:
    """A number of events a second, or of seconds, may stand without quotes."""
    return str(value) if type(value) is int else value


AnyRate = Annotated[Text, BeforeValidator(_as_text), _readable_by(Rate)]
SomeRate = Annotated[Text, BeforeValidator(_as_text), AfterValidator(_checked_some_rate)]
Length = Annotated[Duration, BeforeValidator(_as_text)]
Share = Annotated[Text, _readable_by(parse_share)]
Size = Annotated[Text, _readable_by(parse_size)]


class Between(Model):
    """From one rate to another one, on a straight line."""

    first: AnyRate = Field(alias="from")
    last: AnyRate = Field(alias="to")


class Steps(Model):
    """From one rate to another one, by steps of equal height; each takes the phase's `for`."""

    first: SomeRate = Field(alias="from")
    last: SomeRate = Field(alias="to")
    by: SomeRate


class Bursts(Model):
    """A low rate, and every so often a high one for a while; the first burst comes after the first low stretch."""

    low: AnyRate
    high: SomeRate
    every: Length
    length: Length

    @model_validator(mode="after")
    def _check_length(self) -> "Bursts":
        if parse_duration_ns(self.length) >= parse_duration_ns(self.every):
            raise ValueError("length must be shorter than every")
        return self


class Wave(Model):
    """A sine between two rates, which begins at the low one."""

    low: AnyRate
    high: SomeRate
    period: Length


class PhaseExpectation(Model):
    """What a phase must keep."""

    eps: SomeRate | None = None
    """The least mean rate; a share is one of what the phase asks for."""
    loss: Share | None = None
    cpu: Share | None = None
    """The greatest share of its core that the busiest worker may use."""
    recovery: Length | None = None
    """How long after the phase's start the run may still be short of its rate, or lose events."""


class Expectation(Model):
    """What the whole run must keep."""

    eps: SomeRate | None = None
    """The least mean rate; a share is one of what the scenario asks for in the mean."""
    loss: Share | None = None
    latency_p99: Length | None = None
    cpu: Share | None = None
    memory: Size | None = None


class PhaseModel(Model):
    """A phase: one of hold, ramp, step, burst, sine, pause and repeat says of which kind."""

    name: Text | None = None
    hold: SomeRate | None = None
    ramp: Between | None = None
    step: Steps | None = None
    burst: Bursts | None = None
    sine: Wave | None = None
    pause: Length | None = None
    repeat: Annotated[Integer, Field(ge=1, le=MOST_REPEATS)] | None = None
    phases: tuple["PhaseModel", ...] = ()
    """What is repeated."""
    lasting: Length | None = Field(None, alias="for")
    expect: PhaseExpectation | None = None

    @property
    def kind(self) -> str:
        """Its kind."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _check_kind(self) -> "PhaseModel":
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"needs one of the keys {', '.join(_KINDS)}")
        if (given[0] not in ("pause", "repeat")) != (self.lasting is not None):
            raise ValueError(f"{given[0]}: {'says itself how long it is' if self.lasting else 'needs for: 5m'}")
        if (given[0] == "repeat") != bool(self.phases):
            raise ValueError("repeat: 3 needs phases: [...], and phases needs repeat: 3")
        if self.expect is not None and given[0] in ("pause", "repeat"):
            raise ValueError(f"{given[0]} can't be judged; put expect at a phase with a rate")
        return self


class ScenarioModel(Model):
    """A whole file."""

    name: Text
    about: Text | None = None
    target: SomeRate | None = None
    """What 100% is, in events a second; None: --eps says it."""
    expect: Expectation = Expectation()
    phases: Annotated[tuple[PhaseModel, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_target(self) -> "ScenarioModel":
        if self.target is not None and Rate(self.target).share is not None:
            raise ValueError("target: is events a second, like 4M")
        return self
