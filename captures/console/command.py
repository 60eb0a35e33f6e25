"""What all commands share at their edge: an error ends in one line and an exit code, and flags take values with units.

What a command was asked for, it prints on stdout: text, or with `--json` JSON alone, and the text on stderr. All else
that it says goes to stderr.
"""

import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click
from click.shell_completion import shell_complete

from captures.console import interruption, standard_streams
from captures.console.errors import ExitCode, StampedeError
from captures.console.harmless import harmless
from captures.console.terminal import colours
from captures.console.units import parse_count, parse_duration_ns, parse_share, parse_size

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


def answer(text: str, figures: Any, *, as_json: bool) -> None:
    """Print the answer that is the purpose of a command: the text on stdout or, with `as_json`, on stderr."""
    click.echo(text, err=as_json, color=colours())
    if as_json:
        click.echo(json.dumps(figures, indent=2))


def tell(text: str, figures: Any, *, as_json: bool) -> None:
    """Say how a command went whose purpose is a deed and not an answer: the text goes to stderr, JSON to stdout."""
    click.echo(text, err=True)
    if as_json:
        click.echo(json.dumps(figures, indent=2))


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


def _complaint(error: Exception, name: str) -> tuple[str, int]:
    """What to tell the user of a failure, and the exit code. It may quote foreign input, so it is made harmless."""
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
        case MemoryError():
            return f"{name}: there is not enough memory for this", ExitCode.FAILED
        case click.Abort():
            return f"{name}: interrupted", ExitCode.INTERRUPTED
    # A defect keeps its traceback, but not Python's exit code: 1 means that a target was missed.
    return "".join(traceback.format_exception(error)).rstrip(), ExitCode.FAILED


def run(group: click.Command) -> NoReturn:
    """Run a command line and exit with one of `ExitCode`; a failure prints one line on stderr.

    A command returns its exit code (None is 0). What is not foreseen prints its traceback: it is a defect. A shell that
    asks for completions, by the variable that Click gives this job, gets them instead.
    """
    name = group.name or ""
    variable = f"_{name.upper()}_COMPLETE"
    if instruction := os.environ.get(variable):
        try:
            raise SystemExit(shell_complete(group, {}, name, variable, instruction))
        except (KeyError, ValueError):  # a shell tells by COMP_WORDS and COMP_CWORD what was typed
            print(f"{name}: {variable} is for shells, which set COMP_WORDS and COMP_CWORD as well", file=sys.stderr)
            raise SystemExit(ExitCode.USAGE) from None
    try:
        interruption.take()
        standard_streams.guard()
        code = _carry_out(group, name)
        interruption.ignore()
    except KeyboardInterrupt:  # there is one at most
        print(f"{name}: interrupted", file=sys.stderr)
        code = ExitCode.INTERRUPTED
        interruption.ignore()
    standard_streams.drain()
    raise SystemExit(code)


def _carry_out(group: click.Command, name: str) -> int:
    """Run the command line to its end; the exit code."""
    try:
        code = _invoke(group, name)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read stdout has left, as `| head` does: that needs no word, but is no success
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - every end has its exit code
        line, code = _complaint(error, name)
        print(line, file=sys.stderr)
    return code or ExitCode.MET


def _invoke(group: click.Command, name: str) -> int | None:
    # Not group.main(): it exits with 1 when a pipe breaks.
    try:
        with group.make_context(name, sys.argv[1:]) as context:
            code: int | None = group.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return code
