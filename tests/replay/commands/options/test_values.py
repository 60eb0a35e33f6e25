"""Types of flags: what is written wrong is a usage error that says how to write it."""

import click
import pytest

from replay.commands.options.values import PORTS


def test_as_the_type_of_a_flag():
    assert PORTS.convert("514-515", None, None) == (514, 515)
    with pytest.raises(click.BadParameter, match="not a list of ports"):
        PORTS.convert("all", None, None)
