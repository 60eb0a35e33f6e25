"""Crypto-PAn against yacryptopan and its published vectors."""

import subprocess
import sys
from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yacryptopan import CryptoPAn

from captures.console.errors import PreflightError
from captures.rework.anonymize.flows import cryptopan_tokens
from captures.rework.anonymize.tokens.addresses import KEPT_RANGES, UNCHANGED, zones_of
from captures.rework.anonymize.tokens.cryptopan import CryptoPan

# The key and the first vectors of Crypto-PAn 1.0 (sample.cpp, sample_trace_sanitized.dat).
KEY = bytes.fromhex("1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202")
VECTORS = [
    ("128.11.68.132", "135.242.180.132"),
    ("129.118.74.4", "134.136.186.123"),
    ("130.132.252.244", "133.68.164.234"),
    ("141.223.7.43", "141.167.8.160"),
    ("141.233.145.108", "141.129.237.235"),
    ("152.163.225.39", "151.140.114.167"),
    ("192.102.249.13", "252.138.62.131"),
    ("192.41.57.43", "252.222.221.184"),
]


def test_a_missing_library_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    with pytest.raises(PreflightError, match=r"pip install 'stampede\[anonymize\]'"):
        CryptoPan(KEY)


def test_the_command_is_loaded_without_it():
    without = "import sys; sys.modules['cryptography'] = None; import captures.commands.anonymize"
    assert subprocess.run([sys.executable, "-c", without], timeout=60, check=False).returncode == 0


def token(pan, address):
    rows = np.frombuffer(ip_address(address).packed, np.uint8)[None]
    return str(ip_address(pan.map(rows).tobytes()))


@pytest.mark.parametrize(("address", "expected"), VECTORS)
def test_the_vectors_of_the_first_implementation(address, expected):
    assert token(CryptoPan(KEY), address) == expected == CryptoPAn(KEY).anonymize(address)


@pytest.mark.parametrize(
    ("address", "expected"), [("192.0.2.1", "2.90.93.17"), ("2001:db8::1", "dd92:2c44:3fc0:ff1e:7ff9:c7f0:8180:7e00")]
)
def test_the_vectors_of_yacryptopan(address, expected):
    assert token(CryptoPan(bytes(range(32))), address) == expected


@given(st.binary(min_size=32, max_size=32), st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_equals_yacryptopan(key, address):
    assert ip_address(token(CryptoPan(key), str(address))) == ip_address(CryptoPAn(key).anonymize(str(address)))


@given(st.lists(st.ip_addresses(v=4), min_size=1, max_size=50, unique=True))
def test_ranges_are_kept_and_no_token_comes_twice(addresses):
    zones = zones_of(KEPT_RANGES, UNCHANGED, 4)
    addresses = [*addresses, *(ip_address(f"10.0.0.{n}") for n in range(5)), ip_address("255.255.255.0")]
    rows = np.array([[*address.packed] for address in dict.fromkeys(addresses)], np.uint8)
    tokens = cryptopan_tokens(rows, zones, CryptoPan(KEY))
    assert len(np.unique(tokens, axis=0)) == len(rows)
    for row, mapped in zip(rows.tolist(), tokens.tolist(), strict=True):
        assert (row[0] == 10) == (mapped[0] == 10)
        assert (row == mapped) or row[0] not in (0, 255)
