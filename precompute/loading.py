"""From a profile's name or file to a checked `Profile`; whatever is wrong with it ends in one line.

YAML is read as YAML 1.2's core schema has it: `yes`, `10:20` and `2026-01-01` are text. Aliases are refused
(a short file can unfold to gigabytes with them) and so is a key given twice.
"""

import re
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from captures.errors import InputError
from precompute.checks import ProfileError, check_profile
from precompute.fields import KINDS, Model
from precompute.profile import Group, Profile, Template
from precompute.text import harmless

MAX_FILE_BYTES: Final = 16 << 20

_BUILT_IN: Final = Path(str(resources.files("precompute.profiles")))


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of the core schema, without aliases, with unique keys."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases."""
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Refuse a key that is given twice."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
        return node


for _tag, _regex, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"[-+]?(0|[1-9][0-9]{0,30})", list("-+0123456789")),
    ("float", r"[-+]?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_regex})$"), _first)


def built_in_names() -> list[str]:
    """The names of the profiles that come with the tool."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.yaml"))


def load_profile(name: str) -> Profile:
    """The built-in profile called `name`, or the profile in the file of that path.

    Raises InputError with the file and the place in it.
    """
    known = built_in_names()
    path = _BUILT_IN / f"{name}.yaml" if name in known else Path(name)
    if not path.exists() and path.suffix not in (".yaml", ".yml"):
        raise InputError(f"{name}: no such profile; name a .yaml file, or one that is built in: {', '.join(known)}")
    try:
        profile = Profile.model_validate(_inlined(_tree(_text(path)), path.parent))
        check_profile(profile)
    except ValidationError as error:
        raise InputError(harmless(f"{name}: {_worst(error)}")) from None
    except InputError as error:
        raise InputError(harmless(f"{name}: {error}")) from None
    return profile


def _text(path: Path) -> str:
    """The text of a file, whose name the caller adds to an error."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise InputError(f"is larger than {MAX_FILE_BYTES >> 20} MiB; make its pools smaller")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error.strerror if isinstance(error, OSError) else error}") from None


def _tree(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(f"{place}{error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        raise InputError(f"character {error.position + 1} is U+{error.character:04X}: {error.reason}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"is not YAML that a profile can be made of: {str(error).splitlines()[0]}") from None


def _inlined(tree: Any, folder: Path) -> Any:
    """The tree with every `file: NAME` of its fields replaced by the choices in it, so that it stands alone."""
    fields = tree.get("fields") if isinstance(tree, dict) else None
    if not isinstance(fields, dict):
        return tree
    return tree | {"fields": {key: _inlined_field(key, field, folder) for key, field in fields.items()}}


def _inlined_field(key: Any, field: Any, folder: Path) -> Any:
    if not isinstance(field, dict) or "file" not in field:
        return field
    place, name = f"fields.{key}.file", field["file"]
    if len(field) > 1:
        raise ProfileError(place, "stands alone; the field's other keys have no meaning")
    if (
        not isinstance(name, str)
        or Path(name).name != name
        or not (folder / name).resolve().is_relative_to(folder.resolve())
    ):
        raise ProfileError(place, f"{name!r} must be the name of a file beside the profile")
    try:
        lines = _text(folder / name).split("\n")
    except InputError as error:
        raise ProfileError(place, f"{name}: {error}") from None
    return {"choices": [line for line in (line.removesuffix("\r") for line in lines) if line]}


def _worst(error: ValidationError) -> ProfileError:
    """What to tell: an unknown key before all else, for it is often the reason why another one is missing."""
    errors = error.errors(include_url=False)
    worst = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    return ProfileError(_place(worst["loc"]), _complaint(worst))


def _place(loc: tuple[int | str, ...]) -> str:
    """The keys of a place as a reader of the YAML knows them."""
    keys = list(loc)
    if len(keys) > 2 and keys[0] == "fields" and keys[2] in KINDS:
        del keys[2]  # which of the kinds pydantic had chosen, not a key
    place = ""
    for key in keys:
        if key == "[key]":
            continue
        place += f"[{key}]" if isinstance(key, int) else f".{key}" if place else key
    return place


_COMPLAINTS: Final = {
    "missing": "is missing",
    "string_type": "must be text; put quotes around it",
    "int_type": "must be a whole number",
    "union_tag_not_found": f"must have one of the keys {', '.join(KINDS)} or file",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
}


def _complaint(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "extra_forbidden":
        return f"is not known; known are {', '.join(_model(error['loc']).model_fields)}"
    return _COMPLAINTS.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])


def _model(loc: tuple[int | str, ...]) -> type[Model]:
    """The part of a profile that the key at `loc` was given to."""
    match loc:
        case ("fields", _, str(kind), _):
            return KINDS[kind]
        case ("groups", _, "templates", _, _):
            return Template
        case ("groups", _, _):
            return Group
    return Profile
