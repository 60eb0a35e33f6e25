"""Network devices: rtnetlink(7) for what they are, ethtool for what they can, sysfs for where they sit.

/sys/class/net shows the network namespace in which sysfs was mounted, which setns(2) does not change. So all that
netlink knows is taken from netlink; sysfs is asked for the rest, and only of a device that is the very same there.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute, NetlinkError
from pyroute2.ethtool.ioctl import IoctlEthtool, NotSupportedError

from replay.linux.cores import parse_cpu_list

# include/uapi/linux/if.h
IFF_UP: Final = 1 << 0
IFF_LOOPBACK: Final = 1 << 3
IFF_NOARP: Final = 1 << 7
IFNAMSIZ: Final = 16
# include/uapi/linux/if_arp.h
ARPHRD_ETHER: Final = 1
ARPHRD_LOOPBACK: Final = 772

COUNTERS: Final = ("tx_packets", "tx_bytes", "tx_dropped", "tx_errors", "rx_dropped")
"""Of struct rtnl_link_stats64, include/uapi/linux/if_link.h."""

RECEIVE_COUNTERS: Final = ("rx_packets", "rx_dropped", "rx_missed_errors", "rx_fifo_errors", "rx_errors")
"""Of the same: what came, what no protocol or queue took, what the card had no room for in memory or in itself."""

CARRIER_LOSSES: Final = "carrier_losses"
"""How often the wire was unplugged, or the far end switched off: IFLA_CARRIER_DOWN_COUNT."""

_DEVICES: Final = Path("/sys/class/net")
_INTERRUPTS: Final = Path("/proc/irq")


@dataclass(frozen=True)
class Link:
    """A network device of the calling thread's namespace, as it is now."""

    index: int
    name: str
    mtu: int
    """The longest IP packet in bytes."""
    mac: bytes
    """Its hardware address: six bytes if `ethernet` is true, otherwise of any length."""
    ethernet: bool
    """Whether its frames have the 14-byte header of Ethernet, as those of loopback do."""
    loopback: bool
    up: bool
    """Whether it is switched on: IFF_UP."""
    carrier: bool
    """Whether its wire is connected."""
    kind: str | None
    """The driver of a virtual device, as of ip-link(8): veth, vlan. None for other devices."""
    speed_mbit: int | None
    numa_node: int | None
    """The memory node next to it."""
    irq_cpus: frozenset[int]
    """The cores that serve its interrupts (MSI); empty when it has none."""
    qdisc: str | None
    """The kind of its queueing discipline, as of tc(8)."""
    tx_queue_len: int
    """How many packets its queue holds, in a discipline that takes its length from the device."""


def link(name: str) -> Link:
    """The device of that name. Raises OSError: ENODEV when there is none."""
    with rtnetlink() as netlink:
        message = find(netlink, ifname=name)
    flags, kind = message["flags"], message["ifi_type"]
    mac = bytes.fromhex((message.get_attr("IFLA_ADDRESS") or "").replace(":", ""))
    folder = _folder(name, message["index"], mac)
    bus = _bus_device(folder)
    return Link(
        index=message["index"],
        name=name,
        mtu=message.get_attr("IFLA_MTU"),
        mac=mac,
        ethernet=kind in (ARPHRD_ETHER, ARPHRD_LOOPBACK),
        loopback=bool(flags & IFF_LOOPBACK),
        up=bool(flags & IFF_UP),
        carrier=message.get_attr("IFLA_CARRIER") == 1,
        kind=message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND"),
        speed_mbit=_number(folder / "speed"),
        numa_node=_number(bus / "numa_node"),
        irq_cpus=_interrupt_cpus(bus / "msi_irqs"),
        qdisc=message.get_attr("IFLA_QDISC"),
        tx_queue_len=message.get_attr("IFLA_TXQLEN"),
    )


def features(name: str) -> dict[str, bool]:
    """Which features of the device are on, by the kernel's names (net/ethtool/common.c): "tx-udp-segmentation".

    The short names of ethtool(8) are groups of these. Empty for a device that knows no ethtool. Raises OSError:
    ENODEV when there is no such device.
    """
    if len(os.fsencode(name)) >= IFNAMSIZ:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), name)
    with closing(IoctlEthtool(name)) as ethtool:
        try:
            listed = ethtool.get_features()
        except NotSupportedError:
            return {}
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                return {}
            raise
        return {feature: listed[feature] for feature in listed.keys() if feature}  # noqa: SIM118  it is no dict


def counters(name: str) -> dict[str, int]:
    """The device's COUNTERS since it was made, in packets and in bytes, and its CARRIER_LOSSES.

    Raises OSError: ENODEV when there is none.
    """
    with rtnetlink() as netlink:
        message = find(netlink, ifname=name)
    counted = message.get_attr("IFLA_STATS64")
    losses = message.get_attr("IFLA_CARRIER_DOWN_COUNT") or 0
    return {**{counter: counted[counter] for counter in COUNTERS}, CARRIER_LOSSES: losses}


def received_by_device() -> dict[str, dict[str, int]]:
    """The RECEIVE_COUNTERS of each device of the calling thread's namespace. Raises OSError."""
    with rtnetlink() as netlink:
        messages = list(netlink.get_links())
    counted = {message.get_attr("IFLA_IFNAME"): message.get_attr("IFLA_STATS64") for message in messages}
    return {name: {counter: of[counter] for counter in RECEIVE_COUNTERS} for name, of in counted.items() if of}


@contextmanager
def rtnetlink() -> Iterator[Any]:
    """A netlink socket of the calling thread's namespace; what the kernel refuses on it is raised as OSError."""
    try:
        with IPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        # A name longer than any device's is out of range.
        code = errno.ENODEV if error.code == errno.ERANGE else error.code
        raise OSError(code, os.strerror(code)) from error


def find(netlink: Any, **which: int | str) -> Any:
    """The message that describes a device, by `ifname` or by `index`. Raises NetlinkError: ENODEV."""
    return next(iter(netlink.link("get", **which)))


def _folder(name: str, index: int, mac: bytes) -> Path:
    """The device's folder in sysfs, or one that is not there when sysfs shows another device by that name."""
    folder = _DEVICES / name
    try:
        shown = (folder / "address").read_text(encoding="utf-8", errors="replace").strip().replace(":", "")
    except OSError:
        shown = ""
    same = _number(folder / "ifindex") == index and shown == mac.hex()
    return folder if same else Path(os.devnull)


def _bus_device(folder: Path) -> Path:
    """What has the interrupts and the memory node: the device on its bus, for virtio the PCI device beneath."""
    device = folder / "device"
    return device.resolve().parent if (device / "subsystem").resolve().name == "virtio" else device


def _number(path: Path) -> int | None:
    """A number of sysfs; None when it is not there, not known (-1), or the device is down (EINVAL)."""
    try:
        number = int(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return None
    return number if number >= 0 else None


def _interrupt_cpus(folder: Path) -> frozenset[int]:
    """The cores on which the interrupts listed in `folder` are served."""
    try:
        numbers = [path.name for path in folder.iterdir()]
    except OSError:
        return frozenset()
    return frozenset(cpu for number in numbers for cpu in _served_by(number))


def _served_by(interrupt: str) -> frozenset[int]:
    """The cores that serve an interrupt; none when it is gone, or not in use."""
    try:
        return parse_cpu_list(
            (_INTERRUPTS / interrupt / "effective_affinity_list").read_text(encoding="utf-8", errors="replace")
        )
    except OSError:
        return frozenset()
