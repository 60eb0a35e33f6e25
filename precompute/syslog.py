"""The syslog line of a template: `<PRI>TIMESTAMP HOST TAG[PID]: MESSAGE`."""

from dataclasses import dataclass
from typing import Final

SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""RFC 5424, table 2; the index is the code."""

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
"""RFC 5424, table 1; the index is the code."""

MAX_EVENT_BYTES: Final = 2048
"""What a receiver of syslog over UDP should accept (RFC 5426, section 3.2)."""


@dataclass(frozen=True)
class Line:
    """A whole line as a template string."""

    text: str
    stamp_column: int
    """Bytes before the stamp."""


def iso_line(*, facility: str, severity: str, stamp: str, host: str, tag: str, pid: str | None, message: str) -> Line:
    """The line with an ISO 8601 stamp; `host`, `tag`, `pid` and `message` are template strings.

    Facility and severity make `<PRI>` (RFC 5424, section 6.2.1).
    """
    priority = f"<{FACILITIES.index(facility) * 8 + SEVERITIES.index(severity)}>"
    process = tag if pid is None else f"{tag}[{pid}]"
    return Line(f"{priority}{stamp} {host} {process}: {message}", stamp_column=len(priority))
