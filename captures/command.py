"""The edge that both commands share: errors become one line and an exit code, units become flags."""

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from captures.errors import ExitCode, StampedeError
from captures.units import parse_count, parse_duration_ns, parse_size


class Units(click.ParamType[int]):
    """A flag's value with a unit; `parse` raises ValueError with a line that says how to write it."""

    def __init__(self, name: str, parse: Callable[[str], int]) -> None:
        """Name the type as the help shows it."""
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Click's hook: the value as an integer, or a usage error that names the flag."""
        if isinstance(value, int):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


COUNT = Units("count", parse_count)
SIZE = Units("size", parse_size)
DURATION_NS = Units("duration", parse_duration_ns)


def _leave(line: str, code: int) -> NoReturn:
    print(line, file=sys.stderr)
    raise SystemExit(code)


def run(group: click.Group) -> NoReturn:
    """Run a command line and exit with one of `ExitCode`; a failure prints one line on stderr.

    A command returns its exit code (None is 0). What is not foreseen keeps its traceback: it is a defect.
    """
    name = group.name or ""
    try:
        code = group.main(prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        _leave(f"{path}: {error.format_message()}  ({path} --help shows the usage)", ExitCode.USAGE)
    except click.ClickException as error:
        _leave(f"{name}: {error.format_message()}", ExitCode.USAGE)
    except StampedeError as error:
        _leave(f"{name}: {error}", error.exit_code)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader of our stdout left (`| head`); keep the interpreter from flushing into the closed pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(ExitCode.FAILED) from None
        where = f"{error.filename}: " if error.filename else ""
        _leave(f"{name}: {where}{error.strerror or error}", ExitCode.FAILED)
    except (click.Abort, KeyboardInterrupt):
        _leave(f"{name}: interrupted", ExitCode.INTERRUPTED)
    raise SystemExit(code or ExitCode.MET)
