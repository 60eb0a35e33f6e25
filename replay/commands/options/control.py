"""The flags by which a run is told things while it goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from captures.console.command import COUNT, grouped

_FILE: Final = click.Path(path_type=Path)


@dataclass(frozen=True)
class ControlOptions:
    """What the flags say."""

    path: Path | None
    """Of the socket; None: the usual one."""
    rate_file: Path | None
    limit_eps: int
    """No higher rate is taken, on the command line or later."""


def _options(*, control: Path | None, rate_file: Path | None, limit_eps: int) -> ControlOptions:
    return ControlOptions(control, rate_file, limit_eps)


control_options: Final = grouped(
    "control",
    _options,
    click.option(
        "--control",
        type=_FILE,
        metavar="FILE",
        help="Listen for `replay ctl` on this socket.  [default: one in $XDG_RUNTIME_DIR/stampede, that ctl finds]",
    ),
    click.option("--rate-file", type=_FILE, metavar="FILE", help="On SIGUSR1, go on at the rate that this file says."),
    click.option(
        "--eps-limit",
        "limit_eps",
        type=COUNT,
        default="5M",
        show_default=True,
        help="Refuse a higher rate, which is more often a slip than a wish.",
    ),
)
