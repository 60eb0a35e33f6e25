"""Cardinality and heavy hitters, against a plain count."""

from collections import Counter

import pytest

from precompute.field_figures import HEAVY_HITTERS, HeavyHitter, field_figures
from precompute.recognition import Recognised
from tests.precompute.profiles import profile, template

FIELDS = {
    "host": {"choices": {"a": 3, "b": 1, "never": 0}},
    "port": {"integers": [1, 100]},
    "id": {"hex": 4},
    "site": {"rows": [{"name": "x", "city": "Ulm", "weight": 3}, {"name": "y", "city": "Ulm"}]},
}
PROFILE = profile(FIELDS, template("{host} {port} {id} {site.name} {site.city}"))


def figures(*events: dict[tuple[str, str], str]):
    found = field_figures(PROFILE, [Recognised(0, values) for values in events] + [None])
    return {figure.field: figure for figure in found}


def test_a_field_that_no_event_has_is_left_out():
    assert figures() == {}
    assert list(figures({("port", ""): "1"}, {("host", ""): "a"})) == ["host", "port"]


def test_values_are_counted_against_their_weights():
    host = figures(*[{("host", ""): "a"}] * 9, {("host", ""): "b"}, {("port", ""): "7"})["host"]
    assert (host.events, host.distinct, host.possible) == (10, 2, 2)
    assert host.top == [HeavyHitter("a", 0.9, 0.75), HeavyHitter("b", 0.1, 0.25)]


def test_made_values_have_no_possible_number_and_no_share():
    made = figures({("id", ""): "00ff"}, {("id", ""): "00fe"}, {("id", ""): "00ff"})["id"]
    assert (made.distinct, made.possible) == (2, None)
    assert made.top[0] == HeavyHitter("00ff", pytest.approx(2 / 3), None)


def test_columns_are_fields_of_their_own_and_equal_texts_one_value():
    found = figures({("site", "name"): "y", ("site", "city"): "Ulm"}, {("site", "name"): "x", ("site", "city"): "Ulm"})
    assert found["site.city"].top == [HeavyHitter("Ulm", 1.0, 1.0)]
    assert found["site.name"].top == [HeavyHitter("x", 0.5, 0.75), HeavyHitter("y", 0.5, 0.25)]


def test_the_commonest_values_stand_first_and_are_few():
    ports = [str(number) for number in range(1, 30) for _ in range(number)]
    found = figures(*[{("port", ""): port} for port in ports])["port"]
    assert found.distinct == 29
    assert len(found.top) == HEAVY_HITTERS
    plain = [(value, count / len(ports)) for value, count in Counter(ports).most_common(HEAVY_HITTERS)]
    assert [(top.value, top.share) for top in found.top] == plain
