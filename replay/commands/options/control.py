"""The flags that say how a run can be controlled while it goes on."""

from pathlib import Path
from typing import Final

import click

from captures.console.command import COUNT, grouped
from replay.commands.options.values import FILE
from replay.control.request import ControlRequest


def _options(*, control: Path | None, rate_file: Path | None, limit_eps: int) -> ControlRequest:
    return ControlRequest(control, rate_file, limit_eps)


control_options: Final = grouped(
    "control",
    _options,
    click.option(
        "--control",
        type=FILE,
        metavar="FILE",
        help="Listen for `replay ctl` on this socket.  [default: one in $XDG_RUNTIME_DIR/stampede, that ctl finds]",
    ),
    click.option("--rate-file", type=FILE, metavar="FILE", help="On SIGUSR1, go on at the rate that this file says."),
    click.option(
        "--eps-limit",
        "limit_eps",
        type=COUNT,
        default="5M",
        show_default=True,
        help="Refuse a higher rate, which is more often a slip than a wish.",
    ),
)
