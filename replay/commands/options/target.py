"""The flags that say whether a name stands for its IPv4 or its IPv6 address."""

import socket
from collections.abc import Callable
from typing import Any

import click


def family_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags `-4` and `-6`; it is called with `family`, which `resolve` takes."""
    for version, family in (("6", socket.AF_INET6), ("4", socket.AF_INET)):
        said = f"Send by IPv{version}, where the name of --target stands for addresses of both kinds."
        flag = click.option(f"-{version}", "family", type=int, flag_value=int(family), default=None, help=said)
        command = flag(command)
    return command
