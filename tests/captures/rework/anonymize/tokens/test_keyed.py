"""SipHash against its published vector, and permutations that are permutations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.rework.anonymize.tokens.keyed import key_of, keyed, permuted, permuted_bits

KEY = key_of(bytes(range(16)))
NODES = st.integers(0, (1 << 64) - 1).map(np.uint64)


def test_siphash_is_the_published_one():
    """The vector of 16 bytes 00 to 0f in vectors.h of https://github.com/veorq/SipHash."""
    low, high = np.frombuffer(bytes(range(16)), "<u8")
    assert int(keyed(KEY, low, high)) == int.from_bytes(bytes.fromhex("db9bc2577fcc2a3f"), "little")


@given(NODES, st.integers(0, 200), st.integers(0, 200))
def test_a_range_is_permuted(node, low, size):
    high = low + size
    assert sorted(permuted(KEY, node, value, low, high) for value in range(low, high + 1)) == [*range(low, high + 1)]


@given(NODES, st.integers(1, 5))
def test_bits_are_permuted(node, half_bits):
    values = range(1 << 2 * half_bits)
    assert sorted(permuted_bits(KEY, node, value, half_bits) for value in values) == [*values]


def test_other_keys_and_nodes_give_other_permutations():
    other = key_of(bytes(16))
    rows = {
        tuple(permuted(key, np.uint64(node), value, 0, 99) for value in range(100))
        for key in (KEY, other)
        for node in range(20)
    }
    assert len(rows) == 40
