"""Tables with a row for each event of a capture, that are needed for a while, and need not fit the memory.

They lie in files without names, and are mapped, so the kernel may write them out when memory is short.
"""

import errno
import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import PreflightError
from captures.console.units import format_size
from captures.files.output_file import FULL, workplace
from captures.files.room import too_large


def scratch(rows: int, dtype: Any, beside: Path | None = None) -> NDArray[Any]:
    """A table of zeros, shape (rows,), on the disk of the file `beside`, or on that of TMPDIR.

    It is gone with the last array that has its memory. Raises PreflightError where the disk has no room for it: that is
    found now, since a process that writes to memory for which the disk has no room is killed; RunError where no file
    may be so large.
    """
    size = rows * np.dtype(dtype).itemsize
    if not size:
        return np.zeros(rows, dtype)
    try:
        folder = Path(tempfile.gettempdir()) if beside is None else workplace(beside)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)
            memory = mmap.mmap(file.fileno(), size)
    except OSError as error:
        if error.errno in FULL:
            raise PreflightError(f"{folder}: the disk has no room for {format_size(size)} of tables") from None
        if error.errno == errno.EFBIG:
            raise too_large(folder) from None
        raise
    return np.frombuffer(memory, dtype)
