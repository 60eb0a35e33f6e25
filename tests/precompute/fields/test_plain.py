"""Each kind of field gives the values it says, as often as it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.zipf import zipf_weights
from precompute.fields import plain
from tests.precompute.profiles import complaint_of_field, field


def texts(written) -> dict[str, int]:
    return {text: weight for (text,), weight in field(written).rows()}


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"choices": ["b", "a"]}, {"a": 1, "b": 1}),
        ({"choices": {"a": 0.5, "b": 1, "c": 0}}, {"a": 1, "b": 2, "c": 0}),
        ({"choices": ["é", " "]}, {"é": 1, " ": 1}),
        ({"pattern": "server{:03d}", "range": [999, 1001]}, {"server999": 1, "server1000": 1, "server1001": 1}),
        ({"pattern": "a{}b", "range": [0, 1]}, {"a0b": 1, "a1b": 1}),
        ({"integers": [9, 11]}, {"9": 1, "10": 1, "11": 1}),
        ({"integers": [2**63 - 1, 2**63 - 1]}, {"9223372036854775807": 1}),
    ],
)
def test_the_values_of_a_field(written, values):
    made = field(written)
    assert texts(written) == values
    assert made.column_names == ("",)
    assert field(made.model_dump(mode="json")) == made


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ({"choices": [f"v{9 - i}" for i in range(9)]}, "v9", "v1"),
        ({"pattern": "w{}", "range": [5, 13]}, "w5", "w13"),
        ({"integers": [5, 13]}, "5", "13"),
        ({"network": "10.0.0.0/29"}, "10.0.0.1", "10.0.0.6"),
    ],
)
@given(exponent=st.sampled_from([0.5, 1, 1.1, 4]))
def test_zipf_makes_the_kth_value_as_likely_as_one_in_k_to_the_exponent(written, first, last, exponent):
    weights = texts(written | {"zipf": exponent})
    largest = weights[first]
    assert max(weights.values()) == largest
    assert sorted((weight / largest for weight in weights.values()), reverse=True) == pytest.approx(
        [1 / k**exponent for k in range(1, len(weights) + 1)], rel=1e-6
    )
    assert min(weights, key=weights.__getitem__) == last


def test_a_list_keeps_its_order_in_a_recipe():
    made = field({"choices": ["z", "a", "m"], "zipf": 1})
    assert list(made.rows()) == [((text,), weight) for text, weight in zip("zam", zipf_weights(3, 1), strict=True)]
    again = field(json.loads(json.dumps(made.model_dump(mode="json", exclude_none=True), sort_keys=True)))
    assert list(again.rows()) == list(made.rows())


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("{choices: []}", ".choices: needs at least one value"),
        ("{choices: {a: 0}}", ".choices: needs at least one value whose weight is above 0"),
        ("{choices: {a: -1}}", ".choices.a: must be a number from 0 to 1000000000000"),
        ("{choices: {a: 1e3}}", ".choices.a: must be a number from 0 to 1000000000000"),
        ("{choices: {a: true}}", ".choices.a: must be a number from 0 to 1000000000000"),
        ("{choices: [a, 8]}", ".choices[1]: must be text; put quotes around it"),
        ("{choices: {8: 1}}", ".choices.8: must be text; put quotes around it"),
        ("{choices: [a, b, a]}", ".choices: [2] repeats 'a'; to make it likelier, give it a weight"),
        ('{choices: [""]}', ".choices[0]: must not be empty"),
        (r'{choices: ["a\e"]}', ".choices[0]: character 2 is U+001B, which is not printable"),
        ("{choices: ~}", ".choices: must be a mapping of keys"),
        ("{choices: a}", ".choices: must be a mapping of keys"),
        ("{choices: [a], zipf: 0}", ".zipf: must be a number above 0 and up to 4; write it like 1.1"),
        ("{choices: [a], zipf: 4.1}", ".zipf: must be a number above 0 and up to 4; write it like 1.1"),
        ("{choices: [a], zipf: yes}", ".zipf: must be a number above 0 and up to 4; write it like 1.1"),
        ("{choices: {a: 1}, zipf: 1}", ": zipf ranks a list; choices that have weights need no zipf"),
        ("{choices: [8], zipf: 1}", ".choices[0]: must be text; put quotes around it"),
        ("{pattern: web, range: [1, 2]}", ".pattern: needs one place for a number, written {} or, with leading "),
        ('{pattern: "{}{}", range: [1, 2]}', ".pattern: needs one place for a number"),
        ('{pattern: "{a{}", range: [1, 2]}', ".pattern: needs one place for a number"),
        ('{pattern: "{:3d}", range: [1, 2]}', ".pattern: needs one place for a number"),
        ('{pattern: "{:020d}", range: [1, 2]}', ".pattern: needs one place for a number"),
        ('{pattern: "{}"}', ".range: is missing"),
        ('{pattern: "{}", range: [2, 1]}', ".range: [2, 1] is not a range; write the smallest number first, none "),
        ("{integers: [-1, 1]}", ".integers: [-1, 1] is not a range; write the smallest number first, none below 0"),
        ("{integers: [0, 9223372036854775808]}", ".integers: [0, 9223372036854775808] is not a range"),
        ("{integers: [0, 1048576]}", ".integers: holds 1048577 values; a field may have 1048576"),
        ("{integers: [1.5, 2]}", ".integers[0]: must be a whole number"),
        ("{integers: [1]}", ".integers[1]: is missing"),
        ("{integers: [1, 2, 3]}", ".integers: has a length of 3; at most 2 is allowed"),
        ("{integers: 1-2}", ".integers: must be a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, written, line):
    assert complaint_of_field(tmp_path, written).startswith(line)


@pytest.mark.parametrize("zipf", ["", ", zipf: 1"])
def test_a_field_has_so_many_values_and_no_more(tmp_path, monkeypatch, zipf):
    monkeypatch.setattr(plain, "MAX_VALUES", 1000)
    many = [f"v{number}" for number in range(1001)]
    assert len(texts({"choices": many[:1000]})) == 1000
    line = complaint_of_field(tmp_path, f"{{choices: {many}{zipf}}}")
    assert line == ".choices: holds 1001 values; a field may have 1000"
