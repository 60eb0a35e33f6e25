"""Where compiled code is kept: in a folder for each version of the source, so that an upgrade never meets old code.

numba notices that a kernel's own module changed, but not that one did whose kernels it calls, or whose constants it
took. So the name of the folder is a digest of all modules of our packages, of numba's version, and of how it compiles.
"""

import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("captures", "precompute", "replay")


def cache_folder() -> Path:
    """The folder for the code of these sources: the first of these that can be written to, made where it is missing.

    STAMPEDE_CACHE, then `stampede` in XDG_CACHE_HOME or in ~/.cache, then a folder of this user's in the system's
    folder for temporary files. Compiled code is run, so nobody else may own the folder, or the one around it.
    """
    name = f"compiled-{_digest()}"
    for parent in _parents():
        folder = parent / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK) and _is_ours(folder) and _is_ours(parent):
            return folder
    return Path(tempfile.mkdtemp(prefix="stampede-"))


def _parents() -> list[Path]:
    own = os.environ.get("STAMPEDE_CACHE")
    if own:
        return [Path(own), _temporary()]
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return [Path(home) / "stampede", _temporary()] if Path(home).is_absolute() else [_temporary()]


def _is_ours(folder: Path) -> bool:
    """Whether a folder, and not what a link in its place points to, is this user's or root's."""
    return folder.lstat().st_uid in (0, os.geteuid())


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"stampede-{os.geteuid()}"


def _digest() -> str:
    """Sixteen hexadecimal digits that change with any source, with numba, and with how it compiles."""
    told = hashlib.sha256(f"{version('numba')} {os.environ.get('NUMBA_BOUNDSCHECK', '')}".encode())
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            told.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return told.hexdigest()[:16]
