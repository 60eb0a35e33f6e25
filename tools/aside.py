"""Debian packages unpacked aside, not installed: for programs that can't be installed beside what is there.

`python3 -m tools.aside syslog-ng-core` does it ahead of time, and prints the folder; of syslog-ng also the environment
in which its programs run: `eval "$(python3 -m tools.aside syslog-ng-core)"`, then `$SYSLOGNG_PREFIX/sbin/syslog-ng -V`.
Nothing but Python itself and apt is needed.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

SYSLOG_NG: Final = "syslog-ng-core"
"""Conflicts with rsyslog. It holds syslog-ng and loggen."""
_PATIENCE_S: Final = 120
_MOST_PACKAGES: Final = 20


class Unavailable(Exception):
    """A package that can't be had, and why."""


def cache_folder() -> Path:
    """Where packages are unpacked."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stampede"


def unpacked(package: str, cache: Path | None = None) -> Path:
    """The folder below `cache` with a package and what it depends on and is not installed. Raises Unavailable.

    It is downloaded the first time.
    """
    folder = (cache or cache_folder()) / f"{package}-aside"
    if not folder.exists():
        print(f"unpacking Debian's {package} to {folder}", file=sys.stderr)
        for program in ("apt-get", "dpkg-deb"):
            if shutil.which(program) is None:
                raise Unavailable(f"{program} is not installed")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _unpack(package, folder)
        except (subprocess.SubprocessError, OSError) as error:
            raise Unavailable(f"Debian's {package} can't be had: {error}") from None
    return folder


def syslog_ng_environment(folder: Path) -> dict[str, str]:
    """What programs of an unpacked syslog-ng must find in their environment.

    They look for their plugins below the prefix (lib/reloc.c), and the linker for their libraries.
    """
    libraries = [
        folder / "usr/lib/syslog-ng",
        *(folder / "usr/lib").glob("*-linux-gnu*"),
        *folder.glob("lib/*-linux-*"),
    ]
    return {"SYSLOGNG_PREFIX": f"{folder}/usr", "LD_LIBRARY_PATH": ":".join(map(str, libraries))}


def shell_lines(package: str, folder: Path) -> str:
    """For a shell: a comment with the folder, and what must be exported for the programs in it."""
    exports = syslog_ng_environment(folder) if package == SYSLOG_NG else {}
    return "\n".join([f"# {folder}", *(f"export {name}={shlex.quote(value)}" for name, value in exports.items())])


def _unpack(package: str, folder: Path) -> None:
    """Download a package and all that it lacks, unpack them into one folder, and rename that to `folder`."""
    with TemporaryDirectory(dir=folder.parent) as name:
        fetched, made = Path(name), Path(name) / "unpacked"
        wanted, known = [package], {package}
        while wanted:
            if len(known) > _MOST_PACKAGES:
                raise OSError(f"it lacks too many packages: {', '.join(sorted(known))}")
            each = wanted.pop()
            _output(["apt-get", "download", each], fetched)
            (archive,) = fetched.glob(f"{each}_*.deb")
            _output(["dpkg-deb", "-x", str(archive), str(made)], fetched)
            missing = [name for name in _needs(archive) if name not in known and not _installed(name)]
            known.update(missing)
            wanted += missing
        made.replace(folder)


def _needs(archive: Path) -> list[str]:
    """The packages that one depends on; of alternatives the first."""
    fields = _output(["dpkg-deb", "-f", str(archive), "Depends"], archive.parent)
    return [match[0] for part in fields.split(",") if (match := re.match(r"[a-z0-9][a-z0-9+.-]+", part.strip()))]


def _installed(package: str) -> bool:
    said = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    return said.stdout.startswith("installed")


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_PATIENCE_S)
    return done.stdout


if __name__ == "__main__":
    for named in sys.argv[1:]:
        try:
            print(shell_lines(named, unpacked(named)))
        except Unavailable as failure:
            raise SystemExit(str(failure)) from None
