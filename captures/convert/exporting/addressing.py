"""From where to where does an event go? By its own flow, or by addresses that the user gives."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.convert.export_request import Addresses
from captures.convert.exporting.order import Piece
from captures.format.capture import Capture
from captures.format.sections import FLOW
from captures.packets.writing.frames import FLOW_RECORD

SOURCE_MAC: Final = bytes.fromhex("020000000001")
TARGET_MAC: Final = bytes.fromhex("020000000002")
"""Addresses that nobody owns: bit 1 of the first byte says that they are local (IEEE 802, section 8.2)."""
_TTL: Final = 64
_MOST_SOURCES: Final = 1 << 16
"""Hosts have different addresses up to this many; further ones share them."""


class Addressing:
    """The flows of a capture's events."""

    def __init__(self, capture: Capture, asked: Addresses | None) -> None:
        """Take the capture's own flows; those that are asked for; or if there is neither, the usual ones."""
        self._capture = capture
        self._own = asked is None and len(capture.flows) > 0
        self._asked = asked or Addresses()
        self._sources = max(1, min(capture.sources, _MOST_SOURCES))
        self.flows: NDArray[Any] = capture.flows.view(FLOW_RECORD) if self._own else self._made().view(FLOW_RECORD)
        """FLOW_RECORD rows."""

    def of(self, piece: Piece) -> NDArray[np.int64]:
        """The row of `flows` for each event of a piece, shape (events,)."""
        if self._own:
            return self._capture.flow_of[piece.event].astype(np.int64)
        host = self._capture.trains["source"][piece.train].astype(np.int64) % self._sources
        return piece.train % len(self._asked.ports) * self._sources + host

    def _made(self) -> NDArray[Any]:
        """FLOW rows for each port, and in it for each host."""
        asked = self._asked
        rows = np.zeros((len(asked.ports), self._sources), FLOW)
        rows["family"], rows["protocol"], rows["ttl"] = asked.target.version, 17, _TTL
        rows["source_port"], rows["target_port"] = asked.source_port, np.array(asked.ports)[:, None]
        rows["source_mac"], rows["target_mac"] = np.void(SOURCE_MAC), np.void(TARGET_MAC)
        if asked.vlan is not None:
            rows["vlan_count"], rows["vlans"][..., 0] = 1, asked.vlan
        size = asked.source.max_prefixlen // 8
        rows["target"] = np.void(asked.target.packed.ljust(16, b"\0"))
        for host in range(self._sources):
            address = (int(asked.source) + host) % (1 << 8 * size)
            rows["source"][:, host] = np.void(address.to_bytes(size, "big").ljust(16, b"\0"))
        return rows.ravel()
