"""What a user asks of the path that events take: frozen values, which `replay.path.choose` holds against the target."""

from dataclasses import dataclass
from enum import StrEnum


class BackendChoice(StrEnum):
    """What `--backend` takes."""

    AUTO = "auto"
    UDP = "udp"
    PACKET = "packet"


class SourceMix(StrEnum):
    """What `--source-mix` takes."""

    AUTO = "auto"
    UNIFORM = "uniform"
    CAPTURE = "capture"


@dataclass(frozen=True)
class PathRequest:
    """What the user says about the wire; None: what the kernel says."""

    backend: BackendChoice = BackendChoice.AUTO
    interface: str | None = None
    next_mac: bytes | None = None
    vlans: tuple[int, ...] = ()
    """The tags, from the outermost: none, one (802.1Q), or two (802.1ad)."""
    network: tuple[int, int, int] | None = None
    """IP version, first address and number of the sources."""
    ports: range | None = None
    mix: SourceMix = SourceMix.AUTO

    @property
    def frames_only(self) -> str | None:
        """A flag that was given and that only those who write frames can follow; None: there is none."""
        given = {
            "--interface": self.interface,
            "--dst-mac": self.next_mac,
            "--vlan": self.vlans,
            "--source-ips": self.network,
            "--source-ports": self.ports,
            "--source-mix": None if self.mix is SourceMix.AUTO else self.mix,
        }
        return next((flag for flag, value in given.items() if value), None)
