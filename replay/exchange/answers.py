"""What may a sink and a run answer? The models accept only sensible values, within limits that readers can handle.

pydantic takes a while to load, so this module is only loaded where a sink or a run is asked.
"""

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from replay.exchange.json_request import Answer
from replay.ranges import MOST_PORTS

_MOST: Final = (1 << 63) - 1

Count = Annotated[int, Field(ge=0, le=_MOST)]
Figure = Annotated[float, Field(ge=0, le=1e18, allow_inf_nan=False)]
Latency = Annotated[float, Field(ge=0, le=3_600_000, allow_inf_nan=False)]
"""A latency in milliseconds. A sink takes the age of a stamp for a latency only up to an hour."""
Port = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
Word = Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]
PortList = Annotated[str, Field(pattern=r"^[0-9,-]{1,1000}$")]


class _Model(BaseModel):
    """A strict model: numbers and texts are not converted. Fields that a later version adds are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


Model = TypeVar("Model", bound=_Model)


class PortCounts(_Model):
    """What a sink knows about a port."""

    received_events: Count
    verified_events: Count
    lost_events: Count
    waiting_bytes: Count


class SinkCounters(_Model):
    """The counters of a sink."""

    since_ns: Count
    """When the sink began to count. If another sink takes its place, this number changes."""
    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")] | None = None
    """The run whose tags the sink counts."""
    latency_p99_ms: Latency | None
    ports: Annotated[dict[Port, PortCounts], Field(max_length=3 * MOST_PORTS)]
    """The ports on which the sink listens, those that the tags name, and those that it was asked about."""


class WorkerStatus(_Model):
    """The state of a worker."""

    id: Count
    state: Word
    core: Count
    ports: PortList
    eps: Count
    sent_events: Count
    errors: Count


class RunStatus(_Model):
    """The state of a run."""

    state: Word
    target_eps: Figure | None
    elapsed_s: Figure
    eps: Count
    sent_events: Count
    asked_events: Count | None
    phase: Annotated[str, Field(max_length=1000)] | None = None
    """The phase of the scenario that goes on."""
    workers: Annotated[list[WorkerStatus], Field(max_length=MOST_PORTS)]


def sink_counters(answer: Answer) -> SinkCounters:
    """Check the answer of a sink. Raises ValueError with a line that says what is wrong with the answer."""
    return _read(SinkCounters, answer)


def run_status(answer: Answer) -> RunStatus:
    """Check the answer of a run. Raises ValueError with a line that says what is wrong with the answer."""
    return _read(RunStatus, answer)


def _read(model: type[Model], answer: Answer) -> Model:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:20] for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from None
