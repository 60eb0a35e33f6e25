"""From the name or the file of a scenario to its checked model; whatever is wrong ends in one line."""

from importlib import resources
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from captures.console.errors import InputError
from captures.console.harmless import harmless
from captures.notation.complaints import complaints
from captures.notation.strict_yaml import parse_yaml, read_text
from replay.scenario.model import ScenarioModel

_BUILT_IN: Final = Path(str(resources.files("replay.scenario.builtin")))
_WRITTEN: Final = {
    "name": "burst",
    "phases": "[{hold: 100%, for: 5m}]",
    "from": "25%",
    "to": "100%",
    "by": "25%",
    "low": "50%",
    "high": "125%",
    "every": "30s",
    "length": "5s",
    "period": "10m",
}
"""How the values of keys are written that must be there."""


def built_in_names() -> list[str]:
    """The names of the scenarios that come with the tool."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.yaml"))


def scenario_text(name: str) -> str:
    """The YAML of a scenario that is built in, or of a file. Raises InputError."""
    path = Path(name)
    if name in built_in_names():
        path = _BUILT_IN / f"{name}.yaml"
    elif path.suffix not in (".yaml", ".yml"):
        raise InputError(
            harmless(f"{name}: no such scenario; name a .yaml file, or one of {', '.join(built_in_names())}")
        )
    try:
        return read_text(path)
    except InputError as error:
        raise InputError(harmless(f"{name}: {error}")) from None


def load_scenario(name: str) -> ScenarioModel:
    """The scenario that is called so, or the one in the file of that path. Raises InputError with the place in it."""
    text = scenario_text(name)
    try:
        return ScenarioModel.model_validate(parse_yaml(text))
    except ValidationError as error:
        _, place, told = next(complaints(ScenarioModel, error, written=_WRITTEN))
        raise InputError(harmless(f"{name}: {place}: {told}" if place else f"{name}: {told}")) from None
    except InputError as error:
        raise InputError(harmless(f"{name}: {error}")) from None
