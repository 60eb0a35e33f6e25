"""Which processes have a socket open: the links of /proc/PID/fd, proc_pid_fd(5).

Only root, or who may trace a process (ptrace(2)), is shown another user's files.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_LINK: Final = re.compile(r"socket:\[(\d{1,20})\]", re.ASCII)


def socket_inode(link: str) -> int | None:
    """The inode in a link like `socket:[12345]`; None where it names something else."""
    match = _LINK.fullmatch(link)
    return int(match[1]) if match else None


def socket_owners(inodes: Collection[int], root: Path = _PROC) -> tuple[dict[int, list[int]], bool]:
    """The processes that have each of the sockets `inodes` open, by number; and whether all could be looked at.

    A process that ends meanwhile is passed over, and one of another user, too, unless the right is there. Mounts of
    /proc that hide others' processes (hidepid) hide nothing from root, and for anyone else nothing is sure.
    """
    wanted, complete = set(inodes), os.geteuid() == 0
    owners: dict[int, list[int]] = {inode: [] for inode in inodes}
    for folder in root.iterdir():
        if folder.name.isdecimal() and folder.name.isascii():
            try:
                found = _sockets(folder / "fd")
            except PermissionError:
                complete = False
                continue
            for inode in sorted(found & wanted):
                owners[inode].append(int(folder.name))
    return {inode: sorted(pids) for inode, pids in owners.items()}, complete


def _sockets(folder: Path) -> set[int]:
    """The sockets that a process has open. Raises PermissionError."""
    found = set()
    try:
        with os.scandir(folder) as files:
            for file in files:
                try:
                    inode = socket_inode(os.readlink(file.path))  # noqa: PTH115 - there are thousands of them
                except FileNotFoundError:
                    continue
                if inode is not None:
                    found.add(inode)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found
