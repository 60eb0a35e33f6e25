"""What pydantic found wrong with a profile or a recipe, told in one line with the place in the YAML."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from precompute.checks import ProfileError
from precompute.kinds import KINDS

Key = int | str


def worst(model: type[BaseModel], error: ValidationError) -> ProfileError:
    """What to tell of the errors in the tree of a `model`.

    An unknown key goes before all else, for it is often the reason why another one is missing.
    """
    errors = error.errors(include_url=False)
    one = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    steps = list(_steps(model, one["loc"]))
    return ProfileError(_place([key for key, _ in steps if key is not None]), _complaint(one, steps))


def _steps(annotation: Any, loc: tuple[Key, ...]) -> Iterator[tuple[Key | None, Any]]:
    """Each step of a place: its key in the YAML, None if pydantic put it there, and what it is a key of."""
    for key in loc:
        annotation, tags = _member(annotation, key)
        if tags or key == "[key]":
            yield None, annotation
        else:
            yield key, annotation
            annotation = _value(annotation, key)


def _member(annotation: Any, key: Key) -> tuple[Any, bool]:
    """What an annotation says without its metadata, or the member of a union that `key` is the tag of."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    members = [member for member in get_args(annotation) if member is not type(None)]
    for member in members:
        tags = [note.tag for note in get_args(member)[1:] if isinstance(note, Tag)]
        if key in (*tags, getattr(member, "__name__", None)):
            return get_args(member)[0] if tags else member, True
    return _member(members[0], key) if len(members) == 1 else (annotation, False)


def _value(annotation: Any, key: Key) -> Any:
    """What stands at the key of a model, a mapping or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        return fields.get(str(key))
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _place(keys: list[Key]) -> str:
    """The keys of a place as a reader of the YAML knows them."""
    place = ""
    for key in keys:
        place += f"[{key}]" if isinstance(key, int) else f".{key}" if place else key
    return place


_COMPLAINTS: Final = {
    "missing": "is missing",
    "string_type": "must be text; put quotes around it",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
}


def _complaint(error: ErrorDetails, steps: list[tuple[Key | None, Any]]) -> str:
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "extra_forbidden":
            fields = steps[-1][1].model_fields
            return f"is not known; known are {', '.join(field.alias or name for name, field in fields.items())}"
        case "union_tag_not_found":
            return f"must have one of the keys {', '.join((*KINDS, 'file', 'list'))}"
        case kind:
            return _COMPLAINTS.get(kind, error["msg"][:1].lower() + error["msg"][1:])
