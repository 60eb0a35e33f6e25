"""YAML as YAML 1.2's core schema has it: `yes`, `10:20` and `2026-01-01` are text.

Aliases are refused (a short file can unfold to gigabytes with them), and so are tags (`!!float .nan`, `!!set`), a key
given twice, and what is nested too deep.
"""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from captures.console.errors import InputError
from captures.files.small_file import read_small

MAX_FILE_BYTES: Final = 16 << 20
MAX_DEPTH: Final = 32
"""The most lists and mappings that may be nested in each other; a profile needs eight."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of the core schema, without aliases, with unique keys."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases and tags."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        problem = None
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases (*name) are not allowed"
        elif getattr(event, "tag", None) is not None:
            problem = "tags (!!int) are not allowed; write the value as it is, and text in quotes"
        elif self._depth > MAX_DEPTH:
            problem = f"is nested more than {MAX_DEPTH} deep"
        if problem is not None:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

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


def read_text(path: Path) -> str:
    """The text of a file, whose name the caller adds to an error. Raises InputError."""
    try:
        raw, _ = read_small(path, MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}") from None
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{path}: ")) from None
    if len(raw) > MAX_FILE_BYTES:
        raise InputError(f"is larger than {MAX_FILE_BYTES >> 20} MiB; make it smaller")
    try:
        return raw.decode("utf-8-sig")  # a byte order mark is no part of the first key or name
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None


def parse_yaml(text: str) -> Any:
    """The tree of a YAML document. Raises InputError with the place in it."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise InputError(f"{place}{error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        raise InputError(f"character {error.position + 1} is U+{error.character:04X}: {error.reason}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"is not YAML that can be used: {str(error).splitlines()[0]}") from None
