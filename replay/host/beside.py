"""A run to a target on its own host watches the receiver's sockets by itself, from before its start to after its end.

All of it happens in the supervisor: all there is to see before the workers start and after they have ended, and the
sockets alone once a second between.
"""

import ipaddress
from typing import Any, Final

from replay.clock import SECOND_NS, process_cpu_ns, sleep_ns, wall_ns
from replay.host.accounts import Accounts
from replay.host.figures import host_figures
from replay.host.looking import Looker
from replay.path.target import Target
from replay.plan.run_plan import RunPlan

_MOST_NS: Final = SECOND_NS // 50
"""Where a look at the sockets takes more CPU time, the run is not disturbed by another one before its end: the kernel
takes 0.3 s to list 18,000 sockets, and four times as long for twice as many."""
_SETTLE_LOOKS: Final = 20
_SETTLE_NS: Final = SECOND_NS // 20
"""Queues are given a second at most to be read empty at the end."""


class OwnHost:
    """The receiver's sockets, if the target of a run is this host."""

    def __init__(self, plan: RunPlan) -> None:
        """Look at nothing yet."""
        self._looker = Looker(plan.ports) if is_this_host(plan.target) else None
        self._accounts = Accounts(plan.ports)
        self._started_wall_ns = 0
        self._slow = False

    def begin(self) -> None:
        """Look at all there is to see, before the run."""
        self._started_wall_ns = wall_ns()
        self._look(whole=True)
        self.each_second()

    def each_second(self) -> None:
        """Look at the sockets, unless that takes too long."""
        if not self._slow:
            begin_ns = process_cpu_ns()
            self._look(whole=False)
            self._slow = process_cpu_ns() - begin_ns > _MOST_NS

    def settle(self) -> None:
        """Look at all there is to see, once the workers have ended and the queues are empty, or read no more."""
        if self._looker is None:
            return
        for _ in range(_SETTLE_LOOKS):
            self._look(whole=False)
            if self._slow or not self._accounts.waiting_bytes:
                break
            sleep_ns(_SETTLE_NS)
        self._look(whole=True)

    def _look(self, *, whole: bool) -> None:
        if self._looker is None:
            return
        try:
            self._accounts.take(self._looker.look() if whole else self._looker.glance())
        except (OSError, ValueError):  # what is only told beside a run does not end it
            self._accounts.failed_looks += 1

    def figures(self) -> dict[str, Any] | None:
        """For the report; None: the target is another host, or nothing of this one could be seen."""
        if self._looker is None or not self._accounts.counters:
            return None
        return host_figures(self._accounts, self._started_wall_ns)


def is_this_host(target: Target) -> bool:
    """Whether a target is an address of this host."""
    if ipaddress.ip_address(target.host).is_loopback:
        return True
    from replay.linux.network.routes import route_kind  # noqa: PLC0415 - pyroute2 takes a while to load

    try:
        return route_kind(target.family, target.host) == "local"
    except OSError:  # whoever sends says so
        return False
