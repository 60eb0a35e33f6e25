"""The `tools/tune` command: kernel settings for millions of UDP datagrams per second, applied and undone.

What should change is planned in `tools/settings.py`; `Host` reads and writes it. Values are raised, never lowered. The
old ones are on disk before the first is changed, so whatever happens then can be undone.
"""

import errno
import json
import mmap
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Final, get_args

import click
from pydantic import BaseModel, StringConstraints, ValidationError

from captures.console.command import answer, run
from captures.console.errors import InputError, PreflightError, RunError, StampedeError
from captures.console.units import fitted
from captures.files.output_file import write_file
from replay.linux.network.links import find, link, rtnetlink
from tools.settings import Outcome, Reading, Role, Step, Value, least, plan

PROC_SYS: Final = Path("/proc/sys")
STATE: Final = Path("/run/stampede/tuning.json")

_SKIPPED: Final = {"absent": "this network namespace has none", "fixed": "this network namespace can't set it"}
_DEVICE_SETTING: Final = re.compile(r"device/([^/\s]+)/txqueuelen")


class Host:
    """The settings of the calling thread's network namespace; sysctls below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.namespace = Path("/proc/self/ns/net").stat().st_ino

    def read(self, name: str) -> Reading | None:
        """A setting as it is; None where there is none. Raises OSError."""
        try:
            if device := _DEVICE_SETTING.fullmatch(name):
                return Reading((link(device[1]).tx_queue_len,))
            value = tuple(map(int, self._path(name).read_text(encoding="utf-8", errors="replace").split()))
            # Other namespaces than the first show a global setting without write bits, and root has no way around.
            return Reading(value, writable=bool(self._path(name).stat().st_mode & 0o222))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise
            return None

    def write(self, name: str, value: Value) -> None:
        """Set it. Raises OSError."""
        if device := _DEVICE_SETTING.fullmatch(name):
            with rtnetlink() as netlink:
                netlink.link("set", index=find(netlink, ifname=device[1])["index"], txqlen=value[0])
        else:
            self._path(name).write_text(_text(value), encoding="ascii")

    def _path(self, name: str) -> Path:
        return self.root / name.replace(".", "/")


Name = Annotated[str, StringConstraints(pattern=rf"^(net(\.[a-z0-9_]+)+|{_DEVICE_SETTING.pattern})$")]


class Change(BaseModel, extra="forbid", frozen=True):
    """The value that a setting had before the first `apply`, and those that were set since."""

    old: Value
    ours: tuple[Value, ...] = ()


class Saved(BaseModel, extra="forbid", frozen=True):
    """The state file: what `undo` puts back, and the network namespace that it is of."""

    namespace: int
    changes: dict[Name, Change]


def load(path: Path, namespace: int) -> Saved | None:
    """The state file's content; None where there is no file. Raises InputError."""
    try:
        saved = Saved.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{path} is damaged: {place}: {first['msg']}; mend it, or remove it") from error
    if saved.namespace != namespace:
        raise InputError(f"{path} is of another network namespace; --state FILE gives this one a file of its own")
    return saved


def save(path: Path, saved: Saved) -> None:
    """Write the state file for its owner only, whole or not at all. Raises PreflightError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, (saved.model_dump_json(indent=2) + "\n").encode(), force=True, mode=0o600)
    except (OSError, StampedeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PreflightError(f"nothing changed: the state file {path} can't be written: {why}") from error


def apply(host: Host, steps: Sequence[Step], path: Path) -> list[Step]:
    """Make a plan's changes, each told as a line, with the old values in the state file first.

    Raises InputError and PreflightError with nothing changed, RunError when a change fails.
    """
    saved = load(path, host.namespace) or Saved(namespace=host.namespace, changes={})
    changes = dict(saved.changes)
    for step in steps:
        if step.outcome == "change":
            first = changes.get(step.name) or Change(old=step.now or ())
            changes[step.name] = Change(old=first.old, ours=(*first.ours, step.wanted))
    if changes != saved.changes:
        save(path, Saved(namespace=saved.namespace, changes=changes))
    done = [_apply(host, step, path) for step in steps]
    if not any(step.outcome == "changed" for step in done):
        click.echo("nothing to change", err=True)
    return done


def _apply(host: Host, step: Step, path: Path) -> Step:
    if step.outcome in _SKIPPED:
        click.echo(f"{step.name}: skipped, {_SKIPPED[step.outcome]}", err=True)
    if step.outcome != "change":
        return step
    try:
        host.write(step.name, step.wanted)
    except OSError as error:
        hint = f"`tools/tune undo --state {path}` puts back what was changed before"
        raise RunError(f"{step.name} can't be set to {_text(step.wanted)}: {error.strerror}; {hint}") from error
    click.echo(f"{step.name}: {_text(step.now)} -> {_text(step.wanted)}", err=True)
    return replace(step, outcome="changed")


def undo(host: Host, path: Path) -> list[Step]:
    """Put back what the state file lists, each told as a line, and remove the file; leave what somebody else set.

    Raises InputError without a sound state file, RunError when a value can't be put back: then the file stays.
    """
    saved = load(path, host.namespace)
    if saved is None:
        raise InputError(f"nothing to undo: there is no state file {path}")
    done, failed = [], []
    for name, change in reversed(saved.changes.items()):
        try:
            done.append(_undo(host, name, change))
        except OSError as error:
            failed.append(f"{name} can't be put back to {_text(change.old)}: {error.strerror}")
    if failed:
        raise RunError(f"{'; '.join(failed)}; {path} is kept")
    path.unlink()
    return done


def _undo(host: Host, name: str, change: Change) -> Step:
    reading = host.read(name)
    now = None if reading is None else reading.value
    outcome: Outcome = "restored"
    line = f"{_text(now)} -> {_text(change.old)}"
    if now is None:
        outcome, line = "absent", "left alone, there is none any more"
    elif now == change.old:
        outcome, line = "unchanged", f"is {_text(now)} already"
    elif now not in change.ours:
        outcome, line = "foreign", f"left at {_text(now)}, set by somebody else since; it was {_text(change.old)}"
    else:
        host.write(name, change.old)
    click.echo(f"{name}: {line}", err=True)
    return Step(name, now, change.old, outcome, why="")


_ROLE = click.option("--role", type=click.Choice(get_args(Role)), default="both", help="What for.  [default: both]")
_DEVICE = click.option("--device", help="Also the queue of the device that a sender sends through.")
_STATE = click.option(
    "--state", "path", type=click.Path(path_type=Path), default=STATE, help=f"Keep old values here.  [default: {STATE}]"
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON on stdout.")


@click.group("tools/tune", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def tune(context: click.Context) -> None:
    """Kernel settings for millions of UDP datagrams per second: show them, apply them, undo that."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@tune.command("show")
@_ROLE
@_DEVICE
@_JSON
def show(*, role: Role, device: str | None, as_json: bool) -> None:
    """Show each setting, what it should be and why."""
    steps = _planned(Host(PROC_SYS), role, device)
    answer("\n".join(map(_shown, steps)), [asdict(step) for step in steps], as_json=as_json)


def _shown(step: Step) -> str:
    """A setting, what is to happen with it, and beneath it its value, the wanted one and why, in 80 columns."""
    values = f"    now {_text(step.now)}, wanted {_text(step.wanted)}"
    return "\n".join([f"{step.name}: {step.outcome}", fitted(values, 8), fitted(f"    {step.why}", 8)])


@tune.command("apply")
@_ROLE
@_DEVICE
@_STATE
@_JSON
def apply_command(*, role: Role, device: str | None, path: Path, as_json: bool) -> None:
    """Raise what is below the wanted value; needs root."""
    host = _writable_host()
    _print(apply(host, _planned(host, role, device), path), as_json=as_json)


@tune.command("undo")
@_STATE
@_JSON
def undo_command(*, path: Path, as_json: bool) -> None:
    """Put back what `apply` changed; needs root."""
    _print(undo(_writable_host(), path), as_json=as_json)


def _planned(host: Host, role: Role, device: str | None) -> list[Step]:
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE
    readings = {name: host.read(name) for name, _, _ in least(memory_bytes, role, device)}
    if device is not None and readings.get(f"device/{device}/txqueuelen") is None:
        raise InputError(f"there is no device {device} to send through (--device, --role {role})")
    return plan({name: found for name, found in readings.items() if found}, memory_bytes, role, device)


def _writable_host() -> Host:
    if os.geteuid() != 0:
        raise PreflightError("apply and undo need root; `tools/tune show` does not")
    if os.statvfs(PROC_SYS).f_flag & os.ST_RDONLY:
        raise PreflightError(f"{PROC_SYS} is mounted read-only: run this on the host, outside of the container")
    return Host(PROC_SYS)


def _print(steps: Sequence[Step], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(step) for step in steps], indent=2))


def _text(value: Value | None) -> str:
    return "-" if value is None else " ".join(map(str, value))


if __name__ == "__main__":
    run(tune)
