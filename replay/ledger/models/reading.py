"""How is a report read from a file? It becomes its model, or an error that says in a clause what is wrong with it."""

from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from captures.console.errors import InputError
from replay.json_file import read_report
from replay.ledger.models.collected import Collected
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent

Model = TypeVar("Model", Sent, Received, Collected)

_KINDS: Final[dict[type[BaseModel], str]] = {Sent: "a sender", Received: "a sink", Collected: "an audit"}
_BYTES: Final = {"sent_bytes": "a sender", "received_bytes": "a sink"}
"""Whose report has such a field for each port: an audit's has neither, and a ledger has both."""

_HAS: Final[dict[type[BaseModel], str]] = {
    Sent: "sent has lanes with the counts port, sent_events, sent_bytes",
    Received: "received has lanes with the counts port, received_events, received_bytes",
    Collected: "collected has lanes with the counts port, received_events",
}


def checked(model: type[Model], report: Any) -> Model:
    """The model of a report. Raises ValueError, with a clause, if it is not a sound report of this kind."""
    try:
        return model.model_validate(report)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"a report of what was {_HAS[model]} ({place}{': ' * bool(place)}{said})") from None


def read_checked(model: type[Model], path: Path) -> Model:
    """The model of the report in a file. Raises InputError, in one line, if it holds no sound report of this kind."""
    report = read_report(path)
    kind = _kind_of(report)
    if kind is not None and kind != _KINDS[model]:
        raise InputError(f"{path}: this is {kind}'s report, and here {_KINDS[model]}'s belongs")
    try:
        return checked(model, report)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _kind_of(report: dict[str, Any]) -> str | None:
    """Whose report it is, by its outermost fields and its first port; None: they do not say."""
    kind, lanes = report.get("kind"), report.get("lanes")
    if kind in ("audit", "watch"):
        return "an audit" if kind == "audit" else "a watch"
    first = lanes[0] if isinstance(lanes, list) and lanes else None
    told = [whose for name, whose in _BYTES.items() if isinstance(first, dict) and name in first]
    return told[0] if len(told) == 1 else None
