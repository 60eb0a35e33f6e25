"""What the user asks about the path of the events: frozen values, which `replay.path.choose` checks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from captures.console.errors import InputError
from replay.ranges import HIGHEST_PORT
from replay.request_checks import check_type, check_within, checked_choice

MAC_BYTES: Final = 6
MOST_VLANS: Final = 2
HIGHEST_VLAN: Final = 4094


class BackendChoice(StrEnum):
    """The values of `--backend`."""

    AUTO = "auto"
    UDP = "udp"
    PACKET = "packet"


class SourceMix(StrEnum):
    """The values of `--source-mix`."""

    AUTO = "auto"
    UNIFORM = "uniform"
    CAPTURE = "capture"


@dataclass(frozen=True)
class PathRequest:
    """What the user says about the wire. None stands for what the kernel says."""

    backend: BackendChoice = BackendChoice.AUTO
    interface: str | None = None
    next_mac: bytes | None = None
    vlans: tuple[int, ...] = ()
    """The VLAN tags, from the outermost on: none, one (802.1Q), or two (802.1ad)."""
    network: tuple[int, int, int] | None = None
    """The IP version, the first address and the number of the sources."""
    ports: range | None = None
    mix: SourceMix = SourceMix.AUTO

    def __post_init__(self) -> None:
        """Take a plain text for the choice that it names. Raises InputError where it names none."""
        object.__setattr__(self, "backend", checked_choice("--backend", self.backend, BackendChoice))
        object.__setattr__(self, "mix", checked_choice("--source-mix", self.mix, SourceMix))

    def check(self) -> None:
        """Refuse values that no frame can have. Raises InputError."""
        check_type("--interface", self.interface, str, "'eth0'")
        check_type("--dst-mac", self.next_mac, bytes, "bytes.fromhex('020000000001')")
        check_type("--vlan", self.vlans, tuple, "(100,)")
        check_type("--source-ips", self.network, tuple, "(4, int(IPv4Address('198.18.64.0')), 1024)")
        check_type("--source-ports", self.ports, range, "range(49152, 65536)")
        if self.next_mac is not None and len(self.next_mac) != MAC_BYTES:
            raise InputError(f"--dst-mac: has {len(self.next_mac)} bytes, and a MAC address has {MAC_BYTES}")
        if len(self.vlans) > MOST_VLANS:
            raise InputError(f"--vlan: {len(self.vlans)} tags, and a frame has {MOST_VLANS} at most")
        for vlan in self.vlans:
            check_within("--vlan", vlan, 1, HIGHEST_VLAN)
        if self.ports is not None:
            if not self.ports or self.ports.step != 1:
                raise InputError("--source-ports: is no range of neighbouring ports; write it like 49152-65535")
            for port in (self.ports[0], self.ports[-1]):
                check_within("--source-ports", port, 1, HIGHEST_PORT)

    @property
    def frames_only(self) -> str | None:
        """A given flag that only a backend which writes frames can obey; None: no such flag was given."""
        given = {
            "--interface": self.interface,
            "--dst-mac": self.next_mac,
            "--vlan": self.vlans,
            "--source-ips": self.network,
            "--source-ports": self.ports,
            "--source-mix": None if self.mix is SourceMix.AUTO else self.mix,
        }
        return next((flag for flag, value in given.items() if value), None)
