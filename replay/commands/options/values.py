"""The types of flags: each parses the text of a flag, and its error message shows how the value is written."""

from pathlib import Path
from typing import Final

import click

from captures.console.command import Parsed
from replay.exchange.place import parse_place
from replay.path.sources import parse_network
from replay.ranges import parse_cpus, parse_ports, parse_source_ports
from replay.rewrite.tags import parse_run

FILE: Final = click.Path(path_type=Path)
NO_FOLDER: Final = click.Path(path_type=Path, dir_okay=False)
"""A path at which a folder is refused before anything else is looked at."""
PORTS: Final = Parsed("ports", parse_ports)
CPUS: Final = Parsed("cores", parse_cpus)
RUN: Final = Parsed("id", parse_run)
PLACE: Final = Parsed("addr", parse_place)
NETWORK: Final = Parsed("network", parse_network)
SOURCE_PORTS: Final = Parsed("ports", parse_source_ports)
