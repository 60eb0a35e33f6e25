"""The flag that names the file with a sink's secret: the sink has it, and so has a command that asks the sink."""

from typing import Final

import click

from replay.commands.options.values import NO_FOLDER
from replay.exchange.token import VARIABLE

token_option: Final = click.option(
    "--sink-token-file",
    "token_path",
    type=NO_FOLDER,
    metavar="FILE",
    help=f"The secret that the sink and `replay run` share.  [default: ${VARIABLE}]",
)
