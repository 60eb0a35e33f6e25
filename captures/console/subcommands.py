"""The subcommands of a command, of which only the one that is called is loaded: all of them take half a second."""

import importlib
from collections.abc import Iterator, Mapping

import click


class Subcommands(Mapping[str, click.Command]):
    """Commands by their names, as `click.group(commands=...)` takes them; each is imported when it is asked for.

    Its place is written `module:attribute`, like that of a console script.
    """

    def __init__(self, **places: str) -> None:
        """Say where each command is."""
        self._places = places

    def __getitem__(self, name: str) -> click.Command:
        """Import a command. Raises KeyError where there is none of this name."""
        module, _, attribute = self._places[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def __iter__(self) -> Iterator[str]:
        """Their names; nothing is imported."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)
