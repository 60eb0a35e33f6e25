"""Can the files that a user named be audited? They must be there, and be different ones."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from captures.console.errors import InputError
from replay.audit.files.follow import NOT_REGULAR
from replay.audit.files.sources import STDIN


def check_names(files: Sequence[Path], *, follow: bool) -> None:
    """Raise InputError for a name that stands for no file, for the file of another name, or for one that can't be read.

    Only what makes the whole audit pointless is an error here; any other file that can't be read is found by reading.
    """
    if follow and STDIN in files:
        raise InputError("- is read to its end in any case; leave out --follow, or name a file")
    _refuse_the_missing(files, follow=follow)
    _refuse_the_same(files)


def total_bytes(files: Sequence[Path]) -> int | None:
    """The length of all files together; None: it is not known, since one of them is no regular file, or is empty."""
    sizes = [_size_bytes(file) for file in files]
    return sum(sizes) if all(sizes) else None


def _refuse_the_missing(files: Sequence[Path], *, follow: bool) -> None:
    """Raise InputError for a name under which there is no file, or with `follow` a file that can't be followed."""
    for file in files:
        if file == STDIN:
            continue
        try:
            found = file.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            if not follow:
                raise InputError(f"{file}: {error.strerror}") from None
        except OSError:
            continue  # reading it says what is wrong
        else:
            if follow and not stat.S_ISREG(found.st_mode):
                raise InputError(f"{file}: {NOT_REGULAR}")


def _refuse_the_same(files: Sequence[Path]) -> None:
    """Raise InputError if two names stand for one file: its events would be counted as duplicated."""
    names: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            found = os.fstat(0) if file == STDIN else file.stat()
        except OSError:
            continue  # reading it says what is wrong
        first = names.setdefault((found.st_dev, found.st_ino), file)
        if first is not file:
            raise InputError(
                f"{file}: this is the same file as {first}; name it once, since what is read twice counts as duplicated"
            )


def _size_bytes(file: Path) -> int:
    """The size of a regular file; 0 for anything else, and for a file of which reading will report an error."""
    try:
        found = file.stat()
    except OSError:
        return 0
    return found.st_size if file != STDIN and stat.S_ISREG(found.st_mode) else 0
