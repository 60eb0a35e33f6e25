"""A command line loads what it calls: `--version` and the others' flags wait for nobody's numpy."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from captures.cli import captures
from precompute.cli import precompute
from replay.cli import replay

GROUPS = pytest.mark.parametrize("group", [captures, precompute, replay], ids=["captures", "precompute", "replay"])


@pytest.mark.parametrize("program", ["captures", "precompute", "replay"])
def test_to_know_the_commands_none_is_loaded(program: str) -> None:
    asked = (
        f"import sys, {program}.cli; list({program}.cli.SUBCOMMANDS);"
        "heavy = {'numpy', 'scapy', 'pydantic', 'psutil', 'pyroute2', 'yaml', 'fsspec', 'zstandard'};"
        "print(heavy & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@GROUPS
def test_each_command_is_where_it_is_said_to_be_under_its_name(group) -> None:
    assert len(group.commands) > 5
    assert {name: command.name for name, command in group.commands.items()} == {name: name for name in group.commands}


@GROUPS
def test_the_help_lists_all_with_what_they_do(group) -> None:
    listed = CliRunner().invoke(group, ["--help"]).output.partition("Commands:\n")[2]
    told = {line.split()[0]: line.split()[1:] for line in listed.splitlines()}
    assert told.keys() == set(group.commands)
    assert all(len(words) > 2 for words in told.values())


@pytest.mark.parametrize(
    ("group", "typed", "meant"),
    [(precompute, "biuld", "build"), (captures, "unpakc", "unpack"), (replay, "reconcil", "reconcile")],
)
def test_a_command_that_there_is_not_is_refused_and_a_like_one_named(group, typed: str, meant: str) -> None:
    result = CliRunner().invoke(group, [typed])
    assert result.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in result.output
