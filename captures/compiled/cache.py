"""Where compiled code is kept: in a folder for each version of the source, so that an upgrade never meets old code.

numba notices that a kernel's own module changed, but not that one did whose kernels it calls, or whose constants it
took. So the name of the folder is a digest of all modules of our packages, of numba's version, and of how it compiles.
Several processes may compile at the same time: numba writes each file under another name and renames it.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

import numba

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("captures", "precompute", "replay")
_KEPT: Final = 4
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
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if all(_is_ours(each) for each in (parent, folder)):
                os.utime(folder)  # it is used
                _forget_others(parent)
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
    temporary = Path(tempfile.gettempdir()) / f"stampede-{os.geteuid()}"
    if own := os.environ.get("STAMPEDE_CACHE"):
        return [Path(own).absolute(), temporary]
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        home = home.expanduser()
    except RuntimeError:  # there is no home
        return [temporary]
    return [home / "stampede", temporary] if home.is_absolute() else [temporary]


def _is_ours(folder: Path) -> bool:
    """Whether this user can write there and nobody else can: code in it is executed."""
    status = folder.lstat()  # what a link points to may be changed to another folder
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022 and os.access(folder, os.W_OK | os.X_OK)


def _forget_others(parent: Path) -> None:
    """Remove all folders but those used last."""
    others = sorted(parent.glob("compiled-*"), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
    for folder in others[_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def _digest() -> str:
    """Sixteen hexadecimal digits that change with any source, with numba, and with how it compiles."""
    how = (numba.__version__, numba.config.BOUNDSCHECK, numba.config.OPT, numba.config.CPU_NAME)
    told = hashlib.sha256(repr(how).encode())
    for path in sorted(path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py")):
        told.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return told.hexdigest()[:16]
