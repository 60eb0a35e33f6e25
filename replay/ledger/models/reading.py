"""How is a report read from a file? It becomes its model, or an error that says in a clause what is wrong with it."""

from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from captures.console.errors import InputError
from replay.json_file import read_report_of
from replay.ledger.models.collected import Collected
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent

Model = TypeVar("Model", Sent, Received, Collected)

_KINDS: Final[dict[type[BaseModel], str]] = {Sent: "a sender", Received: "a sink", Collected: "an audit"}
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
    """The model of the report in a file.

    Raises InputError, in one line, if it holds no sound report of this kind; WrongKindError if it holds another's.
    """
    report = read_report_of(_KINDS[model], path)
    try:
        return checked(model, report)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
