"""Files that are read whole, such as a key, rules, a list, a manifest: never more than a bound, and without waiting."""

import os
import stat
from pathlib import Path

from captures.console.errors import InputError


def read_small(path: Path, most_bytes: int) -> tuple[bytes, os.stat_result]:
    """The first bytes of a file, `most_bytes` at most, and its status.

    A pipe is read to its end, as a shell's `<(...)` gives one; where nobody writes into it, that is an error, and not
    an empty file. Raises InputError for that and for a path that can be none, and OSError where it can't be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)  # to open a FIFO would block
    except ValueError as error:
        raise InputError(f"{str(path)!r}: this is no name of a file: {error}") from None
    with os.fdopen(fd, "rb") as file:
        os.set_blocking(fd, True)
        status, data = os.fstat(fd), file.read(most_bytes)
    if not data and not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: nobody writes into it; name a regular file")
    return data, status
