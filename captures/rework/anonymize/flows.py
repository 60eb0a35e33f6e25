"""What becomes of the addresses in the headers of packets: FLOW rows with tokens, as the texts have them."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel
from captures.format.capture import Capture
from captures.format.layout import Table
from captures.rework.anonymize.checking import FEW_FORMS
from captures.rework.anonymize.originals import Originals
from captures.rework.anonymize.replacing import Mapping
from captures.rework.anonymize.tokens.addresses import Zones, forms_of, map_rows
from captures.rework.anonymize.tokens.cryptopan import CryptoPan
from captures.rework.anonymize.tokens.macs import map_mac_rows

_ROWS: Final = 1 << 16
_ADDRESSES: Final = ("source", "target")
_MACS: Final = ("source_mac", "target_mac")
_BYTES: Final = {4: 4, 6: 16}


def flow_blocks(capture: Capture) -> Iterator[Table]:
    """The FLOW rows of a capture, some at once."""
    for start in range(0, len(capture.flows), _ROWS):
        yield capture.flows[start : start + _ROWS]


def addresses_of(flows: Table, name: str, version: int) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Which rows have addresses of a version of IP in a column, and these as bytes: shape (rows, 4) or (rows, 16)."""
    rows = flows["family"] == version
    data = np.ascontiguousarray(flows[name][rows]).view(np.uint8).reshape(-1, 16)
    return rows, np.ascontiguousarray(data[:, : _BYTES[version]])


def macs_of(flows: Table, name: str) -> NDArray[np.uint8]:
    """The MAC addresses of a column as bytes: shape (rows, 6)."""
    return np.ascontiguousarray(flows[name]).view(np.uint8).reshape(-1, 6).copy()


def learn_flows(flows: Table, originals: Originals, seed: np.uint64, *, addresses: bool, macs: bool) -> None:
    """Take in the addresses of FLOW rows."""
    for name in _ADDRESSES if addresses else ():
        for version in _BYTES:
            originals.add_rows(addresses_of(flows, name, version)[1], seed)
    for name in _MACS if macs else ():
        originals.add_rows(macs_of(flows, name), seed)


class FlowMapping:
    """How FLOW rows are mapped."""

    def __init__(self, mapping: Mapping, cryptopan: CryptoPan | None, *, addresses: bool, macs: bool) -> None:
        """With Crypto-PAn instead of the mapping by digits if it is given."""
        self._mapping, self._cryptopan, self._addresses, self._macs = mapping, cryptopan, addresses, macs

    def map(self, flows: Table) -> Table:
        """FLOW rows with tokens in the place of addresses."""
        mapped = flows.copy()
        for name in _ADDRESSES if self._addresses else ():
            for version in _BYTES:
                rows, data = addresses_of(flows, name, version)
                tokens = np.zeros((len(data), 16), np.uint8)
                tokens[:, : data.shape[1]] = self._tokens(data, version)
                mapped[name][rows] = tokens.view("V16").reshape(-1)
        for name in _MACS if self._macs else ():
            data = macs_of(flows, name)
            map_mac_rows(data, self._mapping.macs, self._mapping.keep_vendor)
            mapped[name] = data.view("V6").reshape(-1)
        return mapped

    def _tokens(self, data: NDArray[np.uint8], version: int) -> NDArray[np.uint8]:
        different, which = np.unique(data, axis=0, return_inverse=True)
        zones = self._mapping.zones_4 if version == 4 else self._mapping.zones_6
        if self._cryptopan is None:
            map_rows(different, zones, self._mapping.addresses_4 if version == 4 else self._mapping.addresses_6)
        else:
            different = cryptopan_tokens(different, zones, self._cryptopan)
        return different[which.reshape(-1)]


def cryptopan_tokens(data: NDArray[np.uint8], zones: Zones, cryptopan: CryptoPan) -> NDArray[np.uint8]:
    """Tokens by Crypto-PAn, which stay in the zones of their addresses.

    The bits that make a zone stay. A token of another zone is mapped again, until it is of the right one.
    """
    zone, tokens = zones_of_rows(data, zones), data.copy()
    free = _packed(zones.low) ^ _packed(zones.high)
    left = np.flatnonzero(~zones.unchanged[zone])
    while len(left):
        mapped, bits = cryptopan.map(tokens[left]), free[zone[left]]
        tokens[left] = (mapped & bits) | (tokens[left] & ~bits)
        left = left[zones_of_rows(tokens[left], zones) != zone[left]]
    return tokens


def _packed(units: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Rows of units as bytes."""
    if units.shape[1] == 4:
        return units.astype(np.uint8)
    return (units[:, ::2] << 4 | units[:, 1::2]).astype(np.uint8)


def zones_of_rows(data: NDArray[np.uint8], zones: Zones) -> NDArray[np.int64]:
    """The zone of each address, as bytes."""
    zone, low, high = np.zeros(len(data), np.int64), _packed(zones.low), _packed(zones.high)
    for row in range(1, len(low)):  # a longer prefix is in a later row
        free = low[row] ^ high[row]
        zone[((data & ~free) == low[row]).all(axis=1)] = row
    return zone


def left_in_flows(before: Table, after: Table, mapping: Mapping, *, addresses: bool, macs: bool) -> tuple[int, int]:
    """How many addresses of FLOW rows are the same in both and should not be, and how many may be so by chance."""
    left = chance = 0
    for name in _ADDRESSES if addresses else ():
        for version, zones in ((4, mapping.zones_4), (6, mapping.zones_6)):
            data, token = addresses_of(before, name, version)[1], addresses_of(after, name, version)[1]
            forms = forms_of_rows(data[(data == token).all(axis=1)], zones)
            left += int(np.count_nonzero(forms >= FEW_FORMS))
            chance += int(np.count_nonzero((forms > 1) & (forms < FEW_FORMS)))
    for name in _MACS if macs else ():
        data, token = macs_of(before, name), macs_of(after, name)
        known = ((data != 0).any(axis=1)) & ((data != 0xFF).any(axis=1))
        left += int(np.count_nonzero((data == token).all(axis=1) & known))
    return left, chance


@allocating_kernel
def count_forms(data: NDArray[np.uint8], zones: Zones, forms: NDArray[np.float64]) -> None:
    """How many addresses the token of each one is drawn from."""
    width = data.shape[1]
    units = np.zeros(4 if width == 4 else 32, np.int64)
    for row in range(len(data)):
        for i in range(len(units)):
            units[i] = data[row, i] if width == 4 else data[row, i >> 1] >> (4 - 4 * (i & 1)) & 15
        forms[row] = forms_of(units, zones)


def forms_of_rows(data: NDArray[np.uint8], zones: Zones) -> NDArray[Any]:
    """The same, shape (addresses,)."""
    forms = np.zeros(len(data))
    count_forms(data, zones, forms)
    return forms
