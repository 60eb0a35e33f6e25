"""What a calibration holds for: one interface, as it was when something was measured through it."""

from dataclasses import dataclass
from typing import ClassVar, Final

OFFLOADS: Final = ("tx-udp-segmentation", "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-scatter-gather")
"""Features of a device that decide what sending costs (net/ethtool/common.c)."""


class Checked:
    """Names that are no fields are refused in a file."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


@dataclass(frozen=True)
class Situation(Checked):
    """What a measurement holds for."""

    interface: str
    mtu: int
    kernel: str
    """As of uname(2)."""
    offloads: tuple[str, ...]
    """Those of OFFLOADS that are on."""
