"""MAC addresses keep their vendor or not, and what their first bits say."""

from hypothesis import given
from hypothesis import strategies as st

from captures.rework.anonymize.tokens.macs import map_mac
from captures.rework.anonymize.tokens.secret import secret_of

KEY = secret_of(bytes(range(32))).macs
MACS = st.one_of(st.integers(0, (1 << 48) - 1), st.sampled_from([0, 1, (1 << 48) - 1, (1 << 48) - 2]))


@given(MACS, MACS, st.booleans())
def test_two_addresses_have_two_tokens(one, other, keep_vendor):
    assert (map_mac(one, KEY, keep_vendor) == map_mac(other, KEY, keep_vendor)) == (one == other)


@given(MACS, st.booleans())
def test_first_bits_stay_and_the_vendor_if_asked(mac, keep_vendor):
    token = map_mac(mac, KEY, keep_vendor)
    assert token >> 40 & 3 == mac >> 40 & 3
    if keep_vendor:
        assert token >> 24 == mac >> 24
    assert (token in (0, (1 << 48) - 1)) == (mac in (0, (1 << 48) - 1))
