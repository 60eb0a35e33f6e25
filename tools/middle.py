"""A lab whose wire runs through a host in the middle, which loses, doubles and delays known events of those that pass.

The middle is a bridge, so hosts and addresses are those of `tools.lab`. The sender cuts its trains, so every event
passes as a packet of its own. For tests; needs root.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyroute2 import NetNS, netns

from tools.lab import DEVICE, Lab, open_host

LEFT, RIGHT = "left", "right"
"""The middle's devices, towards the sender and towards the receiver."""
SLOW = 0x10010
"""The priority of packets that take the slow queue: its class, 1:10, as a number."""
_BRIDGE = "road"
_QUEUE_PACKETS = 100_000
"""Of each queue: more than a test sends, so that the queues themselves lose nothing."""


class MiddleLab(Lab):
    """Three namespaces: `sender`, `middle` and `receiver`."""

    def __init__(self) -> None:
        """Choose names."""
        super().__init__()
        self.middle = f"{self.sender[:-1]}m"

    def lay_wire(self, sender: NetNS) -> None:
        """Two wires and a bridge between them."""
        with open_host(self.middle, os.O_CREAT) as middle:
            sender.link("add", ifname=DEVICE, kind="veth", peer={"ifname": LEFT, "net_ns_fd": self.middle})
            middle.link("add", ifname=RIGHT, kind="veth", peer={"ifname": DEVICE, "net_ns_fd": self.receiver})
            middle.link("add", ifname=_BRIDGE, kind="bridge")
            bridge = middle.link_lookup(ifname=_BRIDGE)[0]
            for name in (LEFT, RIGHT):
                middle.link("set", index=middle.link_lookup(ifname=name)[0], master=bridge, state="up")
            middle.link("set", index=bridge, state="up")
        self.run_at(self.sender, "ethtool", "-K", DEVICE, "tx", "off", "gso", "off", "tx-udp-segmentation", "off")

    def remove(self) -> None:
        """Remove what `build` made, as far as it is there."""
        super().remove()
        if self.middle in netns.listnetns():
            netns.remove(self.middle)

    @contextmanager
    def rules(self, *rules: str) -> Iterator[Callable[[], list[int]]]:
        """Do what each rule (nft(8)) says to what enters from the sender; yields a count of packets for each rule."""
        chain = f"type filter hook ingress device {LEFT} priority 0; {'; '.join(rules)};"
        self.run_at(self.middle, "nft", f"table netdev lies {{ chain ingress {{ {chain} }}; }}")

        def counted() -> list[int]:
            listed = json.loads(self.run_at(self.middle, "nft", "-j", "list", "table", "netdev", "lies"))
            expressions = (entry["rule"]["expr"] for entry in listed["nftables"] if "rule" in entry)
            return [part["counter"]["packets"] for rule in expressions for part in rule if "counter" in part]

        try:
            yield counted
        finally:
            self.run_at(self.middle, "nft", "delete", "table", "netdev", "lies")

    @contextmanager
    def two_queues(self, slow_rate: str) -> Iterator[Callable[[], int]]:
        """Send what has the priority SLOW through a queue of its own at `slow_rate`, and all else past it.

        Yields a count of the packets that the queues dropped (tc(8), tc-htb(8)).
        """
        at = ("dev", RIGHT)
        self._shape("qdisc", "add", *at, "root", "handle", "1:", "htb", "default", "20")
        for number, rate, burst in (("10", slow_rate, "300"), ("20", "10gbit", "1m")):
            self._shape(
                "class", "add", *at, "parent", "1:", "classid", f"1:{number}", "htb", "rate", rate, "burst", burst
            )
            self._shape("qdisc", "add", *at, "parent", f"1:{number}", "pfifo", "limit", str(_QUEUE_PACKETS))
        try:
            yield lambda: sum(queue["drops"] for queue in json.loads(self._shape("-s", "-j", "qdisc", "show", *at)))
        finally:
            self._shape("qdisc", "del", *at, "root")

    def _shape(self, *words: str) -> str:
        """Shape traffic, or ask how it is shaped, by tc(8)."""
        return self.run_at(self.middle, "tc", *words)
