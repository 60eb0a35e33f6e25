"""Random bits: the generator is the published one, and what is drawn from it is what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.streams import Purpose, indexes, permutation, raw_halves, scaled, stream

# kat_vectors of Random123 (Salmon et al.): counter, key, four words.
KNOWN = [
    (
        [0] * 4,
        [0] * 2,
        [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B],
    ),
    (
        [0xFFFFFFFFFFFFFFFF] * 4,
        [0xFFFFFFFFFFFFFFFF] * 2,
        [0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0],
    ),
    (
        [0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89],
        [0x452821E638D01377, 0xBE5466CF34E90C6C],
        [0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6],
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_words(counter, key, words):
    number = sum(word << 64 * i for i, word in enumerate(counter)) - 1  # numpy counts before it draws
    before = [(number >> 64 * i) & (1 << 64) - 1 for i in range(4)]
    bits = np.random.Philox(key=np.array(key, np.uint64), counter=np.array(before, np.uint64))
    assert bits.random_raw(4).tolist() == words


def test_a_stream_is_keyed_by_seed_and_counts_on_from_purpose_and_chunk():
    bits = np.random.Philox(key=7, counter=(Purpose.RENDER << 128) + (3 << 192))
    assert stream(7, 3, Purpose.RENDER).random_raw(9).tolist() == bits.random_raw(9).tolist()
    assert stream((1 << 64) - 1, 0, Purpose.PLAN).random_raw() != stream(1, 0, Purpose.PLAN).random_raw()


@given(st.integers(0, 2**64 - 1), st.integers(0, 3000))
def test_a_permutation_holds_every_index_once(seed, count):
    assert sorted(permutation(stream(seed, 0, Purpose.PLAN), count).tolist()) == list(range(count))


def test_every_index_is_first_about_as_often():
    bits = stream(1, 0, Purpose.PLAN)
    first = np.bincount([int(permutation(bits, 8)[0]) for _ in range(8000)], minlength=8)
    assert (abs(first - 1000) < 150).all()


@given(st.integers(0, 99), st.integers(1, 2**32 - 1), st.integers(0, 50))
def test_an_index_is_the_exact_share_of_its_random_number(seed, size, count):
    halves = raw_halves(stream(seed, 0, Purpose.RENDER), count)
    found = indexes(scaled(halves, np.full(count, size, np.uint64)))
    assert found.tolist() == [half * size >> 32 for half in halves.tolist()]
    assert found.dtype == np.int64
