"""Two network namespaces and a veth wire between them: a sender's host and a receiver's, on one machine.

For tests and benchmarks; needs root.
"""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pyroute2 import NetNS, netns

V4, V6 = "198.18.0.2", "2001:2::2"
"""The receiver's addresses; the sender's end in 1. Both ranges are set aside for benchmarks (RFC 2544, RFC 5180)."""

DEVICE = "wire"
PORTS = (5514, 5515, 5516, 5517)

_IFA_F_NODAD = 2  # if_addr.h: usable at once, no duplicate address detection
_UP_PATIENCE_S = 10
_ETHERNET_MTU = 1500

_numbers = itertools.count(1)


class Lab:
    """The two namespaces, by name: `sender` and `receiver`."""

    def __init__(self) -> None:
        """Choose names that no other process and no other lab has."""
        name = f"st{os.getpid()}-{next(_numbers)}"
        self.sender, self.receiver = f"{name}a", f"{name}b"

    def build(self) -> None:
        """Make the namespaces and the wire; raises PermissionError without the right to."""
        with open_host(self.sender, os.O_CREAT) as sender, open_host(self.receiver, os.O_CREAT) as receiver:
            self.lay_wire(sender)
            for place, host in enumerate((sender, receiver), start=1):
                wire = host.link_lookup(ifname=DEVICE)[0]
                host.addr("add", index=wire, address=f"198.18.0.{place}", prefixlen=24)
                host.addr("add", index=wire, address=f"2001:2::{place}", prefixlen=64, flags=_IFA_F_NODAD)
                for index in (1, wire):  # 1 is the loopback device
                    host.link("set", index=index, state="up")
            for host in (sender, receiver):
                _await_up(host)
            # Known neighbours: packets that wait for an ARP answer can be overtaken by later ones of another worker.
            far_end = receiver.get_links(ifname=DEVICE)[0].get_attr("IFLA_ADDRESS")
            wire = sender.link_lookup(ifname=DEVICE)[0]
            for address in (V4, V6):
                sender.neigh("replace", dst=address, lladdr=far_end, ifindex=wire, state="permanent")

    def lay_wire(self, sender: NetNS) -> None:
        """Make a device of each host and what is between them."""
        sender.link("add", ifname=DEVICE, kind="veth", peer={"ifname": DEVICE, "net_ns_fd": self.receiver})

    def remove(self) -> None:
        """Remove what `build` made, as far as it is there."""
        for name in (self.sender, self.receiver):
            if name in netns.listnetns():
                netns.remove(name)

    def run_at(self, host: str, *command: str) -> str:
        """What `command` prints in the namespace `host`."""
        done = subprocess.run(["ip", "netns", "exec", host, *command], check=True, capture_output=True, text=True)
        return done.stdout

    @contextmanager
    def mtu(self, size: int) -> Iterator[None]:
        """The sender's end takes no longer packets than this."""
        self._set_mtu(size)
        try:
            yield
        finally:
            self._set_mtu(_ETHERNET_MTU)

    def _set_mtu(self, size: int) -> None:
        with open_host(self.sender) as sender:
            sender.link("set", index=sender.link_lookup(ifname=DEVICE)[0], mtu=size)

    @contextmanager
    def cut_at_sender(self) -> Iterator[None]:
        """Have trains cut and checksummed before they leave, as on a real wire.

        By default a veth hands them to its peer whole and without a checksum: nothing gets damaged in memory.
        """
        with self.without("tx", "gso", "tx-udp-segmentation"):
            yield

    @contextmanager
    def without(self, *features: str) -> Iterator[None]:
        """The sender's device without some of its features (ethtool(8), -k)."""
        self._switch(features, "off")
        try:
            yield
        finally:
            self._switch(features, "on")

    def _switch(self, features: Sequence[str], state: str) -> None:
        self.run_at(self.sender, "ethtool", "-K", DEVICE, *(word for name in features for word in (name, state)))

    @contextmanager
    def dropping(self, match: str) -> Iterator[Callable[[], int]]:
        """Drop what `match` (nft(8)) says as it enters the receiver; yields a count of the packets dropped."""
        table = "table netdev losses"
        chain = f"type filter hook ingress device {DEVICE} priority 0; {match} counter drop;"
        self.run_at(self.receiver, "nft", f"{table} {{ chain ingress {{ {chain} }}; }}")

        def dropped() -> int:
            listed = json.loads(self.run_at(self.receiver, "nft", "-j", "list", *table.split()))
            rules = (entry["rule"]["expr"] for entry in listed["nftables"] if "rule" in entry)
            return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)

        try:
            yield dropped
        finally:
            self.run_at(self.receiver, "nft", "delete", *table.split())


@contextmanager
def open_host(name: str, flags: int = 0) -> Iterator[NetNS]:
    """A namespace to work in, by netlink; `flags` O_CREAT makes it."""
    host = NetNS(name, flags=flags)
    try:
        yield host
    finally:
        host.close()


def _await_up(host: NetNS) -> None:
    """Wait for the kernel to attach the device's queue: until it has, it drops what is sent."""
    for _ in range(_UP_PATIENCE_S * 100):
        if host.get_links(ifname=DEVICE)[0].get_attr("IFLA_OPERSTATE") == "UP":
            return
        time.sleep(0.01)
    raise TimeoutError(f"{DEVICE} did not come up in {_UP_PATIENCE_S} s")
