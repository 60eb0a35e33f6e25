"""The `replay ctl` command: tell a run that is under way what to do."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from captures.console.command import answer
from captures.console.errors import ExitCode, InputError, RunError
from captures.console.harmless import harmless
from captures.console.units import counted, fitted, format_count
from replay.commands.options.values import FILE
from replay.control.commands import COMMANDS
from replay.control.run_socket import ask, find_run

if TYPE_CHECKING:
    from replay.exchange.answers import RunStatus

_SHOWN_CHARACTERS: Final = 500


@click.command("ctl")
@click.argument("command", type=click.Choice(COMMANDS))
@click.argument("value", required=False)
@click.option("--pid", type=click.IntRange(1), help="Process id of the run.  [default: the only one under way]")
@click.option("--control", "path", type=FILE, help="The run's socket, as given to its --control.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print how the run stands as JSON on stdout.")
def ctl(*, command: str, value: str | None, pid: int | None, path: Path | None, as_json: bool) -> int:
    """Change the rate of a run that is under way (rate 2M), or its speed (speed 10); pause, resume, status, stop."""
    from replay.exchange.answers import run_status  # noqa: PLC0415 - pydantic takes a while to load

    said = ask(path or find_run(pid), [command] if value is None else [command, value])
    if "error" in said:
        raise InputError(harmless(str(said["error"])[:_SHOWN_CHARACTERS]))
    try:
        status = run_status(said)
    except ValueError as error:
        raise RunError(f"the run does not answer as one of this version would: {error}") from None
    answer(status_table(status), said, as_json=as_json)
    return ExitCode.MET


def status_table(status: "RunStatus") -> str:
    """The state of a run and of its workers as text, in 80 columns."""
    target = "as fast as it goes" if status.target_eps is None else f"target {format_count(status.target_eps)} EPS"
    sent = counted(status.sent_events, "event")
    if status.asked_events is not None:
        sent = f"{status.sent_events:,} of {counted(status.asked_events, 'event')}"
    since = f"; {status.elapsed_s:.1f} s since the start" if status.elapsed_s else ""
    lines = [fitted(f"{status.state}{since}: {status.eps:,} EPS, {target}; {sent} sent", 4)]
    for worker in status.workers:
        counts = f"{worker.eps:>11,} EPS {counted(worker.sent_events, 'event', 16)}, {counted(worker.errors, 'error')}"
        place = f"core {worker.core}, ports {worker.ports}"
        lines.append(fitted(f"  worker {worker.id:<2} {worker.state:<8} {counts}, {place}", 21))
    return "\n".join(lines)
