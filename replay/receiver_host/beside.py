"""What does the receiver drop while a run sends to its own host? The run watches the receiver's sockets by itself.

The supervisor does this. It looks at everything before the workers start and after they have ended, and only at the
sockets once a second in between.
"""

import ipaddress
from typing import Final

from replay.clock import SECOND_NS, process_cpu_ns, sleep_ns, wall_ns
from replay.path.target import Target
from replay.plan.run_plan import RunPlan
from replay.receiver_host.accounts import Accounts
from replay.receiver_host.figures import host_figures
from replay.receiver_host.looking import Looker
from replay.receiver_host.model import WatchedHost

_MOST_NS: Final = SECOND_NS // 50
"""If a look at the sockets takes more CPU time than this, the next one is at the end of the run, so as not to disturb
it: the kernel takes 0.3 s to list 18,000 sockets, and four times as long for twice as many."""
_SETTLE_LOOKS: Final = 20
_SETTLE_NS: Final = SECOND_NS // 20
"""The pause between these looks: at the end, the receiver gets a second at most to read its queues empty."""


class OwnHost:
    """Watches the receiver's sockets, if the target of a run is this host; else it does nothing."""

    def __init__(self, plan: RunPlan) -> None:
        """Get ready without looking yet."""
        self._looker = Looker(plan.ports) if is_this_host(plan.target) else None
        self._accounts = Accounts(plan.ports)
        self._started_wall_ns = 0
        self._slow = False

    def begin(self) -> None:
        """Look at everything, before the run."""
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
        """Look at everything when the workers have ended and the queues are empty, or after a second at most."""
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
        except (OSError, ValueError):  # a failed look is no reason to end the run
            self._accounts.failed_looks += 1

    def figures(self) -> WatchedHost | None:
        """The figures for the report; None: the target is another host, or this host's counters could not be read."""
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
    except OSError:  # the sending part reports this error
        return False
