"""What the user asks about the path of the events: frozen values, which `replay.path.choose` checks."""

from dataclasses import dataclass
from enum import StrEnum


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
