"""How to load scapy's layers without the folders that scapy looks for in the user's home.

scapy reads a cache in ~/.cache when it is loaded, and fails if that folder belongs to somebody else. It may also make
folders there, which nobody asked for. To load it without the cache costs 50 ms.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FOLDERS: Final = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


@contextmanager
def _without_folders() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _FOLDERS}
    os.environ.update(dict.fromkeys(_FOLDERS, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


with _without_folders():
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

__all__ = ["IP", "UDP", "Dot1AD", "Dot1Q", "Ether", "IPv6"]
