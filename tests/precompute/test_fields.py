"""Each kind of field gives the values it says."""

import ipaddress
from typing import Any

import pytest
from pydantic import TypeAdapter

from precompute.fields import Field

FIELD: TypeAdapter[Any] = TypeAdapter(Field)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"choices": ["b", "a"]}, {"a": 1, "b": 1}),
        ({"choices": {"a": 0.5, "b": 1, "c": 0}}, {"a": 1, "b": 2, "c": 0}),
        ({"pattern": "server{:03d}", "range": [999, 1001]}, {"server999": 1, "server1000": 1, "server1001": 1}),
        ({"pattern": "a{}b", "range": [0, 1]}, {"a0b": 1, "a1b": 1}),
        ({"integers": [9, 11]}, {"9": 1, "10": 1, "11": 1}),
        ({"network": "10.0.0.4/30"}, {"10.0.0.5": 1, "10.0.0.6": 1}),
        ({"network": "10.0.0.4/32"}, {"10.0.0.4": 1}),
    ],
)
def test_the_values_of_a_field(written, values):
    field = FIELD.validate_python(written)
    assert dict(field.values()) == values
    assert FIELD.validate_python(FIELD.dump_python(field, mode="json")) == field


def test_the_largest_network_has_all_its_hosts():
    values = [value for value, _ in FIELD.validate_python({"network": "172.16.0.0/12"}).values()]
    assert len(set(values)) == (1 << 20) - 2
    assert all(ipaddress.ip_address(value) in ipaddress.ip_network("172.16.0.0/12") for value in values[::9999])
