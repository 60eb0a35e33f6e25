"""Which MAC address takes the place of a MAC address: its vendor stays or not, and who may get its frames stays.

The bits that say whether an address is one host's or a group's, and who gave it (IEEE 802, section 8.2), always stay.
The broadcast address and the one of zeros name no host, and stay.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.rework.anonymize.tokens.keyed import Key, permuted_bits

MAC_BYTES: Final = 6
_BROADCAST: Final = (1 << 48) - 1
_HOST_BITS: Final = 24


@kernel
def map_mac(address: int, key: Key, keep_vendor: bool) -> int:  # noqa: FBT001 - numba knows arguments by place
    """The token of a MAC address, both as numbers of 48 bits."""
    token = address
    while True:
        if address in (0, _BROADCAST):
            return address
        if keep_vendor:
            vendor = token >> _HOST_BITS
            host = permuted_bits(key, np.uint64(vendor << 8 | 1 << 7), token & (1 << _HOST_BITS) - 1, _HOST_BITS // 2)
            token = vendor << _HOST_BITS | host
        else:
            kept = token >> 40 & 3
            rest = token >> 42 << 40 | token & (1 << 40) - 1
            rest = permuted_bits(key, np.uint64(kept << 8), rest, 23)
            token = rest >> 40 << 42 | kept << 40 | rest & (1 << 40) - 1
        if token not in (0, _BROADCAST):
            return token


@kernel
def map_mac_rows(rows: NDArray[np.uint8], key: Key, keep_vendor: bool) -> None:  # noqa: FBT001 - as above
    """Put tokens in the place of MAC addresses as bytes: shape (addresses, 6)."""
    for row in rows:
        address = int64(0)
        for i in range(MAC_BYTES):
            address = address << 8 | int64(row[i])
        token = map_mac(address, key, keep_vendor)
        for i in range(MAC_BYTES):
            row[i] = token >> 8 * (MAC_BYTES - 1 - i) & 255
