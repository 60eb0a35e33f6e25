"""What a sink and a run may answer: models that take only what makes sense, in bounds that their readers can bear.

pydantic takes a while to load, so this module is only loaded where something is asked.
"""

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from replay.exchange.json_request import Answer
from replay.ranges import MOST_PORTS

_MOST: Final = (1 << 63) - 1

Count = Annotated[int, Field(ge=0, le=_MOST)]
Figure = Annotated[float, Field(ge=0, le=1e18, allow_inf_nan=False)]
Latency = Annotated[float, Field(ge=0, le=3_600_000, allow_inf_nan=False)]
"""In milliseconds: a sink takes the age of a stamp for a latency up to an hour."""
Port = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
Word = Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]
PortList = Annotated[str, Field(pattern=r"^[0-9,-]{1,1000}$")]


class _Model(BaseModel):
    """A number is no text and a text no number; what a later version adds is passed over."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


Model = TypeVar("Model", bound=_Model)


class PortCounts(_Model):
    """What a sink knows of a port."""

    received_events: Count
    verified_events: Count
    lost_events: Count
    waiting_bytes: Count


class SinkCounters(_Model):
    """What a sink knows."""

    since_ns: Count
    """When it began: another sink in its place has another."""
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")] | None = None
    """The run whose tags it counts."""
    latency_p99_ms: Latency | None
    ports: Annotated[dict[Port, PortCounts], Field(max_length=3 * MOST_PORTS)]
    """Those it listens to, those it has heard of by the tags, and those it was asked about."""


class WorkerStatus(_Model):
    """How a worker stands."""

    id: Count
    state: Word
    core: Count
    ports: PortList
    eps: Count
    sent_events: Count
    errors: Count


class RunStatus(_Model):
    """How a run stands."""

    state: Word
    target_eps: Figure | None
    elapsed_s: Figure
    eps: Count
    sent_events: Count
    asked_events: Count | None
    workers: Annotated[list[WorkerStatus], Field(max_length=MOST_PORTS)]


def sink_counters(answer: Answer) -> SinkCounters:
    """A sink's answer. Raises ValueError with a line that says what is wrong with it."""
    return _read(SinkCounters, answer)


def run_status(answer: Answer) -> RunStatus:
    """A run's answer. Raises ValueError with a line that says what is wrong with it."""
    return _read(RunStatus, answer)


def _read(model: type[Model], answer: Answer) -> Model:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:20] for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from None
