"""What the kernel counted of all UDP of this network namespace: /proc/net/snmp and snmp6, net/ipv4/proc.c.

`InDatagrams` counts what programs have read (udp_recvmsg), not what arrived: what is dropped at a socket, or waits
there, is not in it.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

_SNMP: Final = Path("/proc/net/snmp")
_SNMP6: Final = Path("/proc/net/snmp6")
_SNMP6_ROW: Final = re.compile(rb"^Udp6(\w{1,40})[ \t]+(\d{1,20})[ \t]*$", re.MULTILINE)


def udp_counters() -> dict[str, int]:
    """The counters by the kernel's names, IPv4 and IPv6 together. Raises OSError."""
    counted = Counter(parse_snmp(_SNMP.read_bytes()))
    if _SNMP6.exists():  # a kernel may have no IPv6
        counted.update(parse_snmp6(_SNMP6.read_bytes()))
    return dict(counted)


def parse_snmp(text: bytes) -> dict[str, int]:
    """The `Udp:` pair of lines: names, and their values. Raises ValueError where they do not fit each other."""
    pair = [line.split()[1:] for line in text.splitlines() if line.startswith(b"Udp:")]
    if len(pair) != 2:
        raise ValueError("no pair of Udp lines")
    return {name.decode(errors="replace"): int(value) for name, value in zip(*pair, strict=True)}


def parse_snmp6(text: bytes) -> dict[str, int]:
    """The lines that begin with Udp6: a name and its value each."""
    return {name.decode(errors="replace"): int(value) for name, value in _SNMP6_ROW.findall(text)}
