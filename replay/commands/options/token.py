"""The flag that names the secret of a sink, alike for those who ask it and for the sink itself."""

from pathlib import Path
from typing import Final

import click

from replay.exchange.token import VARIABLE

token_option: Final = click.option(
    "--sink-token-file",
    "token_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"The secret that the sink and `replay run` share.  [default: ${VARIABLE}]",
)
