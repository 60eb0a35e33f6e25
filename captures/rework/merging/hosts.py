"""Which numbers do the hosts of several captures get in one? Those of one name are one host."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from captures.format.capture import Capture

_MOST_HOSTS = (1 << 32) - 1


class Numbering(NamedTuple):
    """The new numbers of one capture's hosts."""

    base: int
    """What is added to a number, where `numbers` is None."""
    numbers: NDArray[np.uint32] | None
    """The new number of each host, shape (hosts,)."""

    def renumber(self, hosts: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """New numbers for old ones."""
        return hosts + np.uint32(self.base) if self.numbers is None else self.numbers[hosts]


class JoinedHosts(NamedTuple):
    """The hosts of a merge."""

    numberings: list[Numbering]
    hosts: int
    names: list[str]
    """The names of the first hosts, as far as they are known."""


def join_hosts(captures: Sequence[Capture]) -> JoinedHosts:
    """Number the hosts of captures. One that tells of no hosts is one host beside those of others, without a name.

    Raises InputError where they are too many.
    """
    numberings, names, count = list[Numbering](), dict[str, int](), 0
    for capture in captures:
        told = capture.note.get("hosts")
        named = isinstance(told, list) and capture.sources == len(told) and all(isinstance(name, str) for name in told)
        base, numbers = count, list[int]()
        if isinstance(told, list) and named and told:
            for name in told:
                if name not in names:
                    names[name] = count
                    count += 1
                numbers.append(names[name])
        else:
            count += max(capture.sources, 1)
        if count > _MOST_HOSTS:
            raise InputError(f"{capture.path} and the others have {count:,} hosts, too many for one capture")
        numberings.append(Numbering(0, np.array(numbers, np.uint32)) if numbers else Numbering(base, None))
    if not any(capture.sources for capture in captures):
        return JoinedHosts([Numbering(0, None)] * len(captures), 0, [])
    by_number = sorted(names, key=names.__getitem__)
    dense = [name for place, name in enumerate(by_number) if names[name] == place]
    return JoinedHosts(numberings, count, dense)
