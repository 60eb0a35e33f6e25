"""How is a capture rendered here instead of fetched? By `precompute build`, with the recipe of its manifest.

The command is a process of the same installation, since this package knows nothing of rendering. It writes no file
unless the capture has the digest of the manifest, and no larger one than the manifest says.
"""

import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from captures.console.errors import InputError, RunError
from captures.console.interruption import held, waiting
from captures.files.output_file import OutputFile
from captures.files.room import require_room
from captures.share.manifest import Manifest
from captures.share.recipe_text import recipe_yaml

_BUILD: Final = (sys.executable, "-c", "from precompute.entry import main; main()", "build")
_LEAST_LIMIT_BYTES: Final = 64 << 20
"""So much a file may always have, since the command has files besides the capture."""
_END_S: Final = 10


def rebuild(manifest: Manifest, output: Path, *, jobs: int, force: bool = False, inputs: Iterable[Path] = ()) -> None:
    """Render the capture of a manifest into the file `output`, by `jobs` processes; the command itself shows its bar.

    Raises InputError where the manifest has no recipe, and where the output may not be there or is one of `inputs`;
    PreflightError where the disk has too little room; and RunError where another capture, or none, comes of the recipe.
    """
    if manifest.recipe is None:
        raise InputError(f"{manifest.name}: was not rendered from a recipe; leave --rebuild out, and it is fetched")
    OutputFile(output, force=force, inputs=inputs).close()  # it proves that the file may be there
    require_room(output, manifest.size)
    with TemporaryDirectory(prefix="stampede-") as folder:
        recipe = Path(folder) / f"{manifest.name}.yaml"
        recipe.write_text(recipe_yaml(manifest.recipe), encoding="utf-8")
        flags = ["--expect", manifest.digest, "--jobs", str(jobs), *(["--force"] if force else [])]
        code = _ended([*_BUILD, str(recipe), "-o", str(output.absolute()), *flags], manifest.size)
    if code:
        raise RunError(f"{output}: was not rebuilt, as said above; leave --rebuild out, and it is fetched")


def _ended(command: list[str], most_bytes: int) -> int:
    """Run a command that may write no larger file than that; its exit code. It does not outlive this call."""
    with (  # a signal while the process is being started would leave it behind, so it is held
        held(even_ignored=()) as noted,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process,  # noqa: S603
    ):
        limit = max(most_bytes, _LEAST_LIMIT_BYTES)
        try:
            with waiting(noted):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
                process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_END_S)
                except subprocess.TimeoutExpired:
                    process.kill()
    if noted.first:
        raise KeyboardInterrupt
    return process.returncode
