"""Cardinality and heavy hitters, against a plain count."""

from collections import Counter

import numpy as np
import pytest

from captures.format.layout import StampKind
from precompute.inspection.fields import HEAVY_HITTERS, field_figures
from precompute.inspection.payload import SampledEvent
from precompute.inspection.recognition import Recognised
from tests.precompute.profiles import profile, template

FIELDS = {
    "host": {"choices": {"a": 3, "b": 1, "never": 0}},
    "port": {"integers": [1, 100]},
    "id": {"hex": 4},
    "site": {"rows": [{"name": "x", "city": "Ulm", "weight": 3}, {"name": "y", "city": "Ulm"}]},
}
PROFILE = profile(FIELDS, template("{host} {port} {id} {site.name} {site.city}"))


def figures(*events: dict[tuple[str, str], str]):
    read = [*(Recognised(0, values) for values in events), None]
    sampled = [SampledEvent(b"", 0, StampKind.NONE, number // 2) for number in range(len(read))]
    found = field_figures(PROFILE, sampled, read)
    return {figure.field: figure for figure in found}


def shares(figure) -> list[tuple[str, float, float | None]]:
    return [(top.value, top.share, top.expected) for top in figure.top]


def test_a_field_that_no_event_has_is_left_out():
    assert figures() == {}
    assert list(figures({("port", ""): "1"}, {("host", ""): "a"})) == ["host", "port"]


def test_values_are_counted_against_their_weights():
    host = figures(*[{("host", ""): "a"}] * 9, {("host", ""): "b"}, {("port", ""): "7"})["host"]
    assert (host.events, host.distinct, host.possible) == (10, 2, 2)
    assert shares(host) == [("a", 0.9, 0.75), ("b", 0.1, 0.25)]


def test_made_values_have_no_possible_number_and_no_share():
    made = figures({("id", ""): "00ff"}, {("id", ""): "00fe"}, {("id", ""): "00ff"})["id"]
    assert (made.distinct, made.possible) == (2, None)
    assert shares(made)[0] == ("00ff", pytest.approx(2 / 3), None)


def test_columns_are_fields_of_their_own_and_equal_texts_one_value():
    found = figures({("site", "name"): "y", ("site", "city"): "Ulm"}, {("site", "name"): "x", ("site", "city"): "Ulm"})
    assert shares(found["site.city"]) == [("Ulm", 1.0, 1.0)]
    assert shares(found["site.name"]) == [("x", 0.5, 0.75), ("y", 0.5, 0.25)]


def test_the_commonest_values_stand_first_and_are_few():
    ports = [str(number) for number in range(1, 30) for _ in range(number)]
    found = figures(*[{("port", ""): port} for port in ports])["port"]
    assert found.distinct == 29
    assert len(found.top) == HEAVY_HITTERS
    plain = [(value, count / len(ports)) for value, count in Counter(ports).most_common(HEAVY_HITTERS)]
    assert [(top.value, top.share) for top in found.top] == plain


def test_the_error_of_a_share_is_that_of_a_sample_of_trains():
    """A train whose events are all of one value says as little as one event."""
    draws = np.random.default_rng(5)
    misses, errors = 0, []
    for _ in range(400):
        sampled, read = [], []
        for train in range(100):
            alike = "a" if draws.random() < 0.75 else "b"
            for _ in range(4):
                sampled.append(SampledEvent(b"", 0, StampKind.NONE, train))
                read.append(Recognised(0, {("host", ""): alike}))
        (host,) = field_figures(PROFILE, sampled, read)
        share, error = next((top.share, top.error) for top in host.top if top.value == "a")
        errors.append(error)
        misses += abs(share - 0.75) > error
    assert np.mean(errors) == pytest.approx(2 * (0.75 * 0.25 / 100) ** 0.5, rel=0.05)
    assert 0.02 < misses / 400 < 0.09


def test_one_train_says_nothing_of_others():
    sampled = [SampledEvent(b"", 0, StampKind.NONE, 7)] * 9
    (host,) = field_figures(PROFILE, sampled, [Recognised(0, {("host", ""): "a"})] * 9)
    assert host.top[0].error == 1
