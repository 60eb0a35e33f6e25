"""For which situation is a calibration valid? For one interface, as it was during the measurement."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

OFFLOADS: Final = ("tx-udp-segmentation", "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-scatter-gather")
"""The features of a device that decide how much sending costs (net/ethtool/common.c)."""


class Checked:
    """A part of a file that is checked when it is read; names that are not fields are refused."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}


@dataclass(frozen=True)
class Situation(Checked):
    """The situation for which a measurement is valid."""

    interface: str
    mtu: int
    kernel: str
    """The release of the kernel, by uname(2)."""
    offloads: tuple[str, ...]
    """The features among OFFLOADS that are on."""
