"""The `replay ctl` command: tell a run that is under way what to do."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from captures.console.command import answer
from captures.console.errors import ExitCode
from captures.console.harmless import harmless
from captures.console.units import counted, fitted, format_count
from replay.commands.options.values import FILE
from replay.control.commands import COMMANDS

if TYPE_CHECKING:
    from replay.exchange.answers import RunStatus


@click.command("ctl")
@click.argument("command", type=click.Choice(COMMANDS))
@click.argument("value", required=False)
@click.option("--pid", type=click.IntRange(1), help="Process id of the run.  [default: the only one under way]")
@click.option("--control", "path", type=FILE, help="The run's socket, as given to its --control.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print how the run stands as JSON on stdout.")
def ctl(*, command: str, value: str | None, pid: int | None, path: Path | None, as_json: bool) -> int:
    """Change the rate of a run that is under way (rate 2M), or its speed (speed 10); pause, resume, status, stop."""
    from replay.sessions.control import Command, tell  # noqa: PLC0415 - pydantic takes a while to load

    said = tell(Command(command, value, pid, path))
    answer(status_table(said.status), said.figures, as_json=as_json)
    return ExitCode.MET


def status_table(status: "RunStatus") -> str:
    """The state of a run and of its workers as text, in 80 columns."""
    target = "as fast as it goes" if status.target_eps is None else f"target {format_count(status.target_eps)} EPS"
    sent = counted(status.sent_events, "event")
    if status.asked_events is not None:
        sent = f"{status.sent_events:,} of {counted(status.asked_events, 'event')}"
    since = f"; {status.elapsed_s:.1f} s since the start" if status.elapsed_s else ""
    phase = f"; phase {harmless(status.phase)}" if status.phase else ""
    lines = [fitted(f"{status.state}{since}: {status.eps:,} EPS, {target}; {sent} sent{phase}", 4)]
    for worker in status.workers:
        counts = f"{worker.eps:>11,} EPS {counted(worker.sent_events, 'event', 16)}, {counted(worker.errors, 'error')}"
        place = f"core {worker.core}, ports {worker.ports}"
        lines.append(fitted(f"  worker {worker.id:<2} {worker.state:<8} {counts}, {place}", 21))
    return "\n".join(lines)
