"""The edge that both commands share: errors become one line and an exit code, units become flags."""

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import click

from captures.errors import ExitCode, StampedeError
from captures.harmless import harmless
from captures.units import parse_count, parse_duration_ns, parse_share, parse_size

Value = TypeVar("Value")


class Parsed(click.ParamType[Value]):
    """A flag's value, read by a function that raises ValueError with a line that says how to write it."""

    def __init__(self, name: str, parse: Callable[[str], Value]) -> None:
        """Name the type as the help shows it."""
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        """Click's hook: the value, or a usage error that names the flag."""
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


COUNT = Parsed("count", parse_count)
SIZE = Parsed("size", parse_size)
DURATION_NS = Parsed("duration", parse_duration_ns)
SHARE = Parsed("share", parse_share)


def grouped(
    name: str, make: Callable[..., Any], *options: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the flags `options`; it is called with one argument for them all.

    The argument `name` is what `make` makes of their values: it has a parameter for each, like a dataclass of them.
    """
    names = inspect.signature(make).parameters

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def called(**given: Any) -> Any:
            own = {each: given.pop(each) for each in names}
            return command(**{name: make(**own)}, **given)

        called.__doc__, called.__name__ = command.__doc__, command.__name__
        if hasattr(command, "__click_params__"):
            called.__click_params__ = command.__click_params__  # type: ignore[attr-defined]
        for option in reversed(options):
            called = option(called)
        return called

    return decorate


def _complaint(error: BaseException, name: str) -> tuple[str, int]:
    """What to tell the user of a failure, and the exit code. Names and values in it may come from elsewhere."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return error.format_message(), ExitCode.USAGE
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else name
            text = " ".join(error.format_message().split())
            return harmless(f"{path}: {text}  ({path} --help shows the usage)"), ExitCode.USAGE
        case click.ClickException():
            return harmless(f"{name}: {error.format_message()}"), ExitCode.USAGE
        case StampedeError():
            return harmless(f"{name}: {error}"), error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return harmless(f"{name}: {where}{error.strerror or error}"), ExitCode.FAILED
        case click.Abort() | KeyboardInterrupt():
            return f"{name}: interrupted", ExitCode.INTERRUPTED
    # A defect keeps its traceback, but not Python's exit code: 1 means that a target was missed.
    return "".join(traceback.format_exception(error)), ExitCode.FAILED


def run(group: click.Command) -> NoReturn:
    """Run a command line and exit with one of `ExitCode`; a failure prints one line on stderr.

    A command returns its exit code (None is 0). What is not foreseen prints its traceback: it is a defect.
    """
    name = group.name or ""
    try:
        # Not group.main(): it exits with 1 when a pipe breaks.
        with group.make_context(name, sys.argv[1:]) as context:
            code = group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except BrokenPipeError:
        # The reader of our stdout left (`| head`): keep the interpreter from flushing into the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FAILED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - every end has its exit code
        line, code = _complaint(error, name)
        with suppress(BrokenPipeError):  # nobody reads it; the exit code still says what happened
            print(line, file=sys.stderr)
    raise SystemExit(code or ExitCode.MET)
