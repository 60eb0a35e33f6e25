"""The flags about workers: what they say, and what is refused."""

import click
import pytest
from click.testing import CliRunner

from replay.commands.options.workers import worker_options
from replay.plan.workers import AUTO, WorkerRequest


def parsed(*flags: str) -> WorkerRequest | str:
    """What flags say, or the usage error."""
    found: list[WorkerRequest] = []

    @click.command()
    @worker_options
    def command(*, workers: WorkerRequest) -> None:
        found.append(workers)

    done = CliRunner().invoke(command, flags)
    return found[0] if found else done.output


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ((), WorkerRequest(AUTO, None, None, lock_memory=False)),
        (("--workers", "auto", "--lock-memory"), WorkerRequest(AUTO, None, None, lock_memory=True)),
        (("--workers", "3", "--cpus", "5,2-3", "--realtime", "9"), WorkerRequest(3, (5, 2, 3), 9)),
    ],
)
def test_flags(flags: tuple[str, ...], options: WorkerRequest) -> None:
    assert parsed(*flags) == options


@pytest.mark.parametrize("flags", [("--workers", "0"), ("--workers", "-1"), ("--workers", "²"), ("--realtime", "100")])
def test_what_is_no_value_is_refused(flags: tuple[str, ...]) -> None:
    said = parsed(*flags)
    assert isinstance(said, str)
    assert f"Invalid value for '{flags[0]}'" in said
