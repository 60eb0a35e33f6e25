"""What pydantic found wrong with a tree of YAML, told in one line with the place in it."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

Key = int | str

Path = tuple[Key, ...]
"""The keys that lead to a value in the YAML."""


def complaints(
    model: type[BaseModel],
    error: ValidationError,
    *,
    written: Mapping[str, str],
    top_keys: Sequence[str] = (),
    kind_keys: Sequence[str] = (),
) -> Iterator[tuple[Path, str, str]]:
    """For each error in the tree of a `model`: the path to what is wrong, the same as text, and what to tell of it.

    `written` says how the values of keys are written that must be there.

    A file may have keys that the model does not know, because they are replaced before the model sees them. These are
    named with the others where a key is wrong: `top_keys` stand at the top of the file, and `kind_keys` stand where one
    key says of which kind a value is.

    Unknown keys come before all else, for they are often the reason why another one is missing.
    """
    for one in sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"):
        steps = list(_steps(model, one["loc"]))
        place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key, _, _ in steps)
        holder, value = steps[-1][1:] if steps else (None, model)
        keys = top_keys if len(steps) == 1 else (), kind_keys
        told = _complaint(one, holder, value, keys, written)
        yield tuple(key for key, _, _ in steps), place.removeprefix("."), told


def _steps(annotation: Any, loc: Path) -> Iterator[tuple[Key, Any, Any]]:
    """For each key of a place: the key as a reader of the YAML knows it, what it is a key of, and what stands there."""
    for key in loc:
        annotation, tagged = _member(annotation, key)
        if not tagged and key != "[key]":
            holder, annotation = annotation, _value(annotation, key)
            yield key if get_origin(holder) is tuple else str(key), holder, annotation


def _member(annotation: Any, key: Key) -> tuple[Any, bool]:
    """What an annotation says without its metadata, or the member of a union that `key` is the tag of."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    members = [member for member in get_args(annotation) if member is not type(None)]
    for member in members:
        tags = _tags(member)
        if key in (*tags, getattr(member, "__name__", None)):
            return get_args(member)[0] if tags else member, True
    return _member(members[0], key) if len(members) == 1 else (annotation, False)


def _tags(member: Any) -> list[str]:
    """The tags by which pydantic chooses this member of a union."""
    return [str(note.tag) for note in get_args(member)[1:] if isinstance(note, Tag)]


def _value(annotation: Any, key: Key) -> Any:
    """The annotation of the value that stands at the key of a model, a mapping or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        return fields.get(str(key))
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


_COMPLAINTS: Final = {
    "missing": "is missing",
    "string_type": "must be text; put quotes around it",
    "invalid_key": "must be text; put quotes around it",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "too_long": "has a length of {actual_length:,}; at most {max_length:,} is allowed",
    "greater_than_equal": "must be {ge:,} or more",
    "less_than_equal": "must be {le:,} or less",
    "less_than": "must be less than {lt:,}",
    "literal_error": "must be {expected}",
    "string_too_long": "has more than {max_length:,} characters; shorten it",
}


def _complaint(
    error: ErrorDetails,
    holder: Any,
    value: Any,
    more: tuple[Sequence[str], Sequence[str]],
    written: Mapping[str, str],
) -> str:
    """What to tell of an error at a key of `holder`, where a `value` should stand; `more` keys are known, and kinds."""
    more_keys, kind_keys = more
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "extra_forbidden":
            known = [field.alias or name for name, field in holder.model_fields.items()]
            return f"is not known; known are {', '.join((*known, *more_keys))}"
        case "union_tag_not_found":
            kinds = [tag for member in get_args(_member(value, "")[0]) for tag in _tags(member)]
            return f"must have one of the keys {', '.join((*kinds, *kind_keys))}"
        case "missing" if (key := error["loc"][-1]) in written:
            return f"is missing; write it like {key}: {written[str(key)]}"
        case kind if kind in _COMPLAINTS:
            return _COMPLAINTS[kind].format(**error.get("ctx", {}))
        case _:
            return error["msg"][:1].lower() + error["msg"][1:]
