"""Where compiled code is kept: in a folder for each version of the source, so that an upgrade never meets old code.

numba notices that a kernel's own module changed, but not that one did whose kernels it calls, or whose constants it
took. So the name of the folder is a digest of all modules of the packages that have kernels, and of all else by which
numba tells code apart: where the modules lie and of when they are, the versions of Python and numba, the processor, and
how it compiles. Several processes may compile at the same time: numba writes each file under another name and renames
it.
"""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

import llvmlite.binding
import numba

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("captures", "replay")
"""Those that have kernels; they do not know `precompute`, so a change of it compiles nothing anew."""
_KEPT: Final = 8
"""So many folders are kept, for as many versions."""


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """The folder for the code of these sources: the first of these that can be written to, made where it is missing.

    STAMPEDE_CACHE, then `stampede` in XDG_CACHE_HOME or in ~/.cache, then a folder of this user's in the system's
    folder for temporary files. If none of them will do, it is a new temporary folder, whose code no other process
    finds.
    """
    name = f"compiled-{_digest()}"
    for parent in _parents():
        folder = parent / name
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            if _is_safe(parent) and _is_safe(folder) and _is_usable(folder):
                _note_use(folder)
                return folder
        except OSError:
            continue
    passing = Path(tempfile.mkdtemp(prefix="stampede-"))
    atexit.register(shutil.rmtree, passing, ignore_errors=True)
    return passing


def stays() -> bool:
    """Whether a later process will find the folder: it will not where no folder can be written to."""
    return cache_folder().name.startswith("compiled-")


def _parents() -> list[Path]:
    temporary = Path(tempfile.gettempdir()) / f"stampede-cache-{os.geteuid()}"
    if own := os.environ.get("STAMPEDE_CACHE"):
        return [Path(own).resolve(), temporary]
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        home = home.expanduser()
    except RuntimeError:  # there is no home
        return [temporary]
    return [home / "stampede", temporary] if home.is_absolute() else [temporary]


def _is_safe(folder: Path) -> bool:
    """Whether nobody but this user or root can write there: code in it is executed."""
    status = folder.lstat()  # what a link points to may be changed to another folder
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def _is_usable(folder: Path) -> bool:
    """Whether code can be kept there, or is there already: an image may come with it, and be read-only."""
    return os.access(folder, os.W_OK | os.X_OK) or any(folder.glob("*.ready"))


def _note_use(folder: Path) -> None:
    """Note that a folder is used now, and remove all but those used last."""
    with suppress(OSError):  # another process may do so at the same time, and an image may be read-only
        os.utime(folder)
        others = sorted(folder.parent.glob("compiled-*"), key=lambda other: other.stat().st_mtime_ns, reverse=True)
        for other in others[_KEPT:]:
            shutil.rmtree(other, ignore_errors=True)


def _digest() -> str:
    """Sixteen hexadecimal digits that change with whatever would have numba compile anew."""
    config = numba.config
    processor = (
        config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten(),
    )
    how = (sys.version, numba.__version__, config.BOUNDSCHECK, config.DISABLE_JIT, config.OPT, *processor, str(_ROOT))
    told = hashlib.sha256(repr(how).encode())
    for path in sorted(path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py")):
        told.update(f"{path.relative_to(_ROOT)} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
    return told.hexdigest()[:16]
