"""The interfaces on which the packets of an import were captured, each of them once: rows of LINK."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.format.sections import LINK
from captures.packets.containers.fault import Fault

MOST_LINKS: Final = 65_536
"""A row of FLOW has two bytes for the number of its link."""
_NAME_BYTES: Final = 48
TOO_MANY: Final = f"there are more than {MOST_LINKS:,} interfaces"


class Links:
    """LINK rows, numbered as they come. Interfaces of which a row would say the same are one."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int, int, bytes], int] = {}
        self._rows = np.zeros(0, LINK)

    def number(self, link_type: int, snaplen: int, resolution: int, name: bytes = b"") -> int:
        """The row of an interface. Raises Fault if there are too many.

        `resolution`: ticks of its clock in a second; `name`: UTF-8, of which 48 bytes are kept.
        """
        name = name.partition(b"\0")[0][:_NAME_BYTES].decode("utf-8", "ignore").encode()
        key = link_type, snaplen, resolution, name
        if key not in self._numbers and len(self._numbers) == MOST_LINKS:
            raise Fault(TOO_MANY)
        return self._numbers.setdefault(key, len(self._numbers))

    @property
    def rows(self) -> NDArray[Any]:
        """LINK rows of all interfaces so far; they are not changed later."""
        if len(self._rows) < len(self._numbers):
            rows = np.zeros(len(self._numbers), LINK)
            for row, key in zip(rows, self._numbers, strict=True):
                row["link_type"], row["snaplen"], row["resolution"], row["name"] = key
            self._rows = rows
        return self._rows
