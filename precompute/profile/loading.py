"""From the name or the file of a profile or a recipe to its checked model; whatever is wrong ends in one line."""

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from captures.console.errors import InputError
from captures.console.harmless import harmless
from captures.notation.complaints import complaints
from captures.notation.models import MAX_WEIGHT
from captures.notation.strict_yaml import parse_yaml, read_text
from captures.notation.text import checked_text
from precompute.fields.plain import check_count
from precompute.notation.findings import WRITTEN, Findings, ProfileError
from precompute.profile.checks import check_profile, look_into
from precompute.profile.include import composed
from precompute.profile.lines import TagPlace
from precompute.profile.mending import sound_part
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe

_BUILT_IN: Final = Path(str(resources.files("precompute.profile.builtin")))
_LISTS: Final = Path(str(resources.files("precompute.profile.builtin.lists")))


def built_in_names() -> list[str]:
    """The names of the profiles that come with the tool."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.yaml"))


def built_in_text(name: str) -> str:
    """The YAML of a profile that comes with the tool. Raises InputError when there is none of that name."""
    if name not in built_in_names():
        raise InputError(f"{name}: no such profile; built in are {', '.join(built_in_names())}")
    return read_text(_BUILT_IN / f"{name}.yaml")


def load_profile(name: str) -> Profile:
    """The built-in profile called `name`, or the profile in the file of that path.

    Raises InputError with the file and the place in it.
    """
    loaded = load(name)
    if isinstance(loaded, Recipe):
        raise InputError(f"{name}: is a recipe; its profile stands in it under the key profile")
    return loaded


def load(name: str) -> Profile | Recipe:
    """The built-in profile called `name`, or the profile or the recipe in the file of that path.

    Raises InputError with the file and the place in it; of a profile, ProfileError with all that is wrong.
    """
    try:
        path = _path(name)
        tree = _parsed(read_text(path))
        return _recipe(tree) if isinstance(tree, dict) and "renderer" in tree else _profile(tree, path.parent)
    except ProfileError as error:
        raise error.within(name).harmless() from None
    except InputError as error:
        raise InputError(harmless(f"{name}: {error}")) from None


def files_of(name: str) -> Iterator[Path]:
    """The files that `load(name)` reads, but for those that come with the tool. Raises InputError as `load` does."""
    if name not in built_in_names():
        yield (path := Path(name))
        for other in _named_files(parse_yaml(read_text(path))):
            if (path.parent / other).suffix in (".yaml", ".yml"):
                yield from files_of(str(path.parent / other))
            else:
                yield path.parent / other


def _named_files(tree: Any) -> Iterator[str]:
    """The files that a tree names for its values, and as parts of it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "file" and isinstance(value, str):
                yield value
            elif key == "include" and isinstance(value, dict):
                yield from (str(part) for part in value if part not in built_in_names())
            else:
                yield from _named_files(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _named_files(value)


def with_tags(name: str, profile: Profile, place: TagPlace = TagPlace.END) -> Profile:
    """The profile that was loaded by `name`, with room for a tag in each event.

    Raises InputError where that can't be.
    """
    tagged = profile.with_tags(place)
    try:
        check_profile(tagged)
    except ProfileError as error:
        raise InputError(harmless(f"{name}: with tags: {error}")) from None
    return tagged


def _exists(path: Path) -> bool:
    """Whether something is there by that name. Path.exists would raise an error where the name is too long."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def _path(name: str) -> Path:
    known = built_in_names()
    path = _BUILT_IN / f"{name}.yaml" if name in known else Path(name)
    if not _exists(path) and path.suffix not in (".yaml", ".yml"):
        raise InputError(f"no such profile; name a .yaml file, or one that is built in: {', '.join(known)}")
    return path


def _parsed(text: str) -> Any:
    """The tree of a YAML document."""
    try:
        return parse_yaml(text)
    except InputError as error:
        raise ProfileError([str(error)], ["not checked: all else, since the file can't be read as YAML"]) from None


def _recipe(tree: Any) -> Recipe:
    found = Findings()
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        for _, place, told in complaints(Recipe, error, written=WRITTEN):
            found.complain(place, told)
        found.skip("profile", "whether its templates hold together, since the recipe is unsound")
        found.end()
    try:
        check_profile(recipe.profile)
    except ProfileError as error:
        raise error.within("profile", ".") from None
    return recipe


def _profile(tree: Any, folder: Path, *, may_include: bool = True) -> Profile:
    """The profile of a tree whose files lie in `folder`. Raises ProfileError with all that is wrong."""
    found = Findings()
    if isinstance(tree, dict):
        tree = _composed(tree, folder, found, may_include=may_include)
        fields = tree.get("fields")
        if isinstance(fields, dict):
            tree = tree | {"fields": _inlined_fields(fields, folder, found)}
    profile = sound_part(tree, found)
    if profile is not None:
        look_into(profile, found)
    found.end()
    assert profile is not None
    return profile


def _composed(tree: dict[str, Any], folder: Path, found: Findings, *, may_include: bool) -> dict[str, Any]:
    """The tree with those profiles that it includes and that are sound."""
    if "include" not in tree:
        return tree
    parts = {}
    if not may_include:
        found.complain("include", "a profile that is included includes no other")
        found.unsound.add("include")
    else:
        parts = _included(tree["include"], folder, found)
    if "include" in found.unsound:
        found.skip("include", "whether two fields or two groups have one name, since not all of it is sound")
    return composed(tree, parts, found)


def _inlined_fields(fields: dict[str, Any], folder: Path, found: Findings) -> dict[str, Any]:
    """The fields with their files and lists put into them; those whose file or list is unsound are left out."""
    inlined = {}
    for key, field in fields.items():
        try:
            inlined[key] = _inlined(f"fields.{key}", field, folder)
        except ProfileError as error:
            found.take(error, "")
            found.unsound.add(f"fields.{key}")
    return inlined


def _included(include: Any, folder: Path, found: Findings) -> dict[str, tuple[Profile, float]]:
    """The profiles that are named and sound, with their weights."""
    if not isinstance(include, dict) or not include:
        found.complain("include", "must be a mapping of profiles to weights, like {system: 40, web: 60}")
        found.unsound.add("include")
        return {}
    parts = {}
    for name, weight in include.items():
        place = f"include.{name}"
        if type(weight) not in (int, float) or not 0 < weight <= MAX_WEIGHT:
            found.complain(place, f"must be a weight above 0, and up to {MAX_WEIGHT}")
            weight = 1  # noqa: PLW2901 - the profile is judged all the same
        try:
            path = _included_path(folder, name)
            parts[str(name)] = _profile(_parsed(read_text(path)), path.parent, may_include=False), weight
        except InputError as error:
            found.take(error, place)
            found.unsound.add("include")
    return parts


def _included_path(folder: Path, name: Any) -> Path:
    """Where an included profile is: built in, or beside the one that includes it."""
    known = built_in_names()
    if name in known:
        return _BUILT_IN / f"{name}.yaml"
    if isinstance(name, str) and Path(name).suffix in (".yaml", ".yml"):
        return _beside(folder, name)
    raise InputError(f"no such profile; name one that is built in ({', '.join(known)}), or a .yaml file beside")


def _inlined(place: str, field: Any, folder: Path, *, by_line: bool = False) -> Any:
    """A field's tree with `file: NAME` or `list: NAME` replaced by the choices in it, so that it stands alone.

    `by_line` says that it is a column, whose lines belong to those of other columns.
    """
    if not isinstance(field, dict):
        return field
    if isinstance(field.get("columns"), dict):
        found, columns = Findings(), {}
        for key, column in field["columns"].items():
            try:
                columns[key] = _inlined(f"{place}.columns.{key}", column, folder, by_line=True)
            except ProfileError as error:
                found.take(error, "")
        found.end()
        return field | {"columns": columns}
    kind = next((key for key in ("file", "list") if key in field), None)
    if kind is None:
        return field
    place = f"{place}.{kind}"
    if others := field.keys() - {kind, "zipf"}:
        raise ProfileError([f"{place}: stands alone or with zipf; {min(map(str, others))} has no meaning here"])
    try:
        path = _beside(folder, field[kind]) if kind == "file" else _list(field[kind])
        choices = list(_values(path.name, read_text(path), by_line=by_line))
        check_count(len(choices))
    except (InputError, ValueError) as error:
        raise ProfileError([f"{place}: {error}"]) from None
    return {key: value for key, value in field.items() if key != kind} | {"choices": choices}


def _values(name: str, text: str, *, by_line: bool) -> Iterator[str]:
    """The values in the lines of the file called `name`. Raises InputError with the line that can't be one.

    Empty lines are left out, and no value comes twice; but in a column each line is the value of its row.
    """
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
    seen = set[str]()
    for number, line in enumerate(lines, 1):
        if not line and not by_line:
            continue
        try:
            yield checked_text(line)
        except ValueError as error:
            raise InputError(f"{name}, line {number}: {error}") from None
        if line in seen and not by_line:
            raise InputError(
                f"{name}, line {number}: repeats {line!r} of line {lines.index(line) + 1}; keep one of them"
            )
        seen.add(line)


def _beside(folder: Path, name: Any) -> Path:
    """The file called `name` in a profile's folder."""
    if not isinstance(name, str) or not name.isprintable() or not name or Path(name).name != str(Path(name)):
        raise InputError(f"{name!r} must be the name of a file beside the profile")
    path = folder / name
    # Path.resolve() ends in a RuntimeError where symbolic links go in a circle.
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise InputError(f"{name!r} must be the name of a file beside the profile")
    if not _exists(path):
        raise InputError(f"{name}: no such file beside the profile")
    return path


def _list(name: Any) -> Path:
    """The list called `name` that comes with the tool."""
    known = sorted(path.stem for path in _LISTS.glob("*.txt"))
    if name not in known:
        raise InputError(f"{name!r} is no list of this tool; there are {', '.join(known)}")
    return _LISTS / f"{name}.txt"
