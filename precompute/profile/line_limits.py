"""How long a line and its parts may be, and of which characters (RFC 5424, section 6; RFC 3164, section 4.1)."""

from dataclasses import dataclass
from typing import Final

from precompute.profile.lines import Format

MAX_FRAMES: Final = 1 << 14
"""A profile has so many templates at most, each counted with and without each of its optional parts."""
MAX_EVENT_BYTES: Final = {Format.ISO3164: 2048, Format.RFC3164: 1024, Format.RFC5424: 2048}
"""The most bytes of an event: those of RFC 3164, section 4.1, and what a receiver over UDP should accept (RFC 5426,
section 3.2)."""


@dataclass(frozen=True)
class Part:
    """What a part of a line may be made of."""

    longest: int
    """How many characters it has at most."""
    punctuation: str | None
    """What is allowed besides letters and digits; None where all that is printable is allowed."""


PARTS: Final = {
    "host": Part(255, "-._:"),
    "tag": Part(48, "-._/@"),
    "pid": Part(128, "-._"),
    "msgid": Part(32, "-._:/"),
    "message": Part(1000, None),
}
RFC3164_TAG: Final = Part(32, "-._/@")
