"""The token in a text says the same address as the token in a header, in whatever form the text is."""

from ipaddress import IPv6Address, ip_address

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.rework.anonymize.replacing import new_memory, replace_all
from captures.rework.anonymize.rules import Rules
from captures.rework.anonymize.scan.kinds import IPV4, IPV6, MAC, USER
from captures.rework.anonymize.tokens.addresses import map_rows
from captures.rework.anonymize.tokens.macs import map_mac
from captures.rework.anonymize.tokens.secret import secret_of
from captures.rework.anonymize.work import work_of

SECRET = secret_of(bytes(range(32)))
MAPPING = work_of(Rules(), SECRET).mapping
MEMORY = new_memory()
SPARSE = st.lists(st.sampled_from([0, 0, 0, 1, 0x2B, 0xDB8, 0x2001]), min_size=8, max_size=8).map(
    lambda groups: IPv6Address(sum(group << 16 * i for i, group in enumerate(groups)))
)


def token(text, kind):
    """The token, made anew and out of the memory."""
    source = np.frombuffer(f"{text} {text}".encode(), np.uint8)
    target, size = source.copy(), len(text)
    rows = np.array([[0, size, kind], [size + 1, 2 * size + 1, kind]], np.int64)
    replace_all(source, rows, MAPPING, MEMORY, target, np.zeros(11, np.int64))
    one, other = target[:size].tobytes(), target[size + 1 :].tobytes()
    assert one == other
    return one.decode()


def in_header(address):
    rows = np.frombuffer(address.packed, np.uint8)[None].copy()
    four = address.version == 4
    map_rows(rows, MAPPING.zones_4 if four else MAPPING.zones_6, SECRET.addresses_4 if four else SECRET.addresses_6)
    return ip_address(rows.tobytes())


@given(st.ip_addresses(v=4))
def test_ipv4(address):
    assert ip_address(token(str(address), IPV4)) == in_header(address)


@given(st.one_of(st.ip_addresses(v=6), SPARSE), st.sampled_from([str.lower, str.upper]), st.booleans())
def test_ipv6(address, case, exploded):
    text = case(address.exploded if exploded else address.compressed)
    mapped = token(text, IPV6)
    assert len(mapped) == len(text)
    assert ip_address(mapped) == in_header(address)


@given(st.ip_addresses(v=4))
def test_ipv4_in_ipv6(address):
    assert token(f"::ffff:{address}", IPV6) == f"::ffff:{in_header(address)}"


@given(st.binary(min_size=6, max_size=6), st.sampled_from([":", "-"]))
def test_macs(data, mark):
    mapped = f"{map_mac(int.from_bytes(data), SECRET.macs, True):012x}"
    assert token(data.hex(mark), MAC).replace(mark, "") == mapped
    dotted = ".".join(data.hex()[i : i + 4] for i in (0, 4, 8))
    assert token(dotted, MAC).replace(".", "") == mapped


@given(st.lists(st.text("abAB1-.", min_size=1, max_size=40), min_size=1, max_size=20))
def test_a_full_memory_changes_no_token(names):
    before = [token(name, USER) for name in names]
    MEMORY.used[0] = len(MEMORY.arena)
    assert [token(name, USER) for name in names] == before
