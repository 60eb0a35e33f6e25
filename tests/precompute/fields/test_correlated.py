"""Correlated fields: one draw fills several columns."""

from collections import Counter

import pytest

from tests.precompute.profiles import build, complaint_of_field, field, profile, template

SERVER = {
    "columns": {
        "name": {"pattern": "db{:02d}", "range": [1, 6]},
        "address": {"network": "198.18.2.0/29"},
        "site": {"choices": ["ams", "fra"]},
        "rack": {"choices": ["r3", "r3", "r1", "r2"]},
    }
}
ROWS = {
    "rows": [
        {"id": "7", "name": 'the "first"', "weight": 3},
        {"id": "15", "name": "second]"},
        {"name": "third", "id": "6", "weight": 0},
        {"id": "7", "name": "fourth", "weight": 0.5},
    ]
}


def rows(written) -> list[dict[str, str]]:
    """The rows as mappings, without their weights."""
    made = field(written)
    return [dict(zip(made.column_names, texts, strict=True)) for texts, _ in made.rows()]


def test_row_i_has_the_ith_value_of_each_column_and_short_columns_start_over():
    assert rows(SERVER) == [
        {
            "name": f"db{i + 1:02d}",
            "address": f"198.18.2.{i + 1}",
            "site": ("ams", "fra")[i % 2],
            "rack": ("r3", "r3", "r1", "r2")[i % 4],
        }
        for i in range(6)
    ]
    assert {weight for _, weight in field(SERVER).rows()} == {1}


def test_the_order_of_a_list_is_that_of_the_rows():
    pairs = {"columns": {"word": {"choices": ["zeta", "alpha", "mike"]}, "number": {"choices": ["1", "2", "3"]}}}
    assert rows(pairs) == [
        {"number": "1", "word": "zeta"},
        {"number": "2", "word": "alpha"},
        {"number": "3", "word": "mike"},
    ]
    weights = [weight for _, weight in field(pairs | {"zipf": 1}).rows()]
    assert weights == sorted(weights, reverse=True)
    assert field(pairs).model_dump(mode="json")["columns"]["word"] == {"choices": ["zeta", "alpha", "mike"]}


def test_zipf_ranks_the_rows():
    weights = [weight for _, weight in field(SERVER | {"zipf": 1}).rows()]
    assert [weight / weights[0] for weight in weights] == pytest.approx([1 / k for k in range(1, 7)])
    assert rows(SERVER | {"zipf": 1}) == rows(SERVER)


def test_rows_are_as_they_stand_with_their_weights():
    made = field(ROWS)
    assert rows(ROWS) == [{"id": row["id"], "name": row["name"]} for row in ROWS["rows"]]
    assert [weight for _, weight in made.rows()] == [6, 2, 0, 1]


@pytest.mark.parametrize("name", ["weight_", "rows", "columns", "model_config", "__init__"])
def test_a_column_may_have_any_name_but_weight(name):
    assert rows({"rows": [{name: "x"}]}) == [{name: "x"}]


@pytest.mark.parametrize("written", [SERVER, SERVER | {"zipf": 0.5}, ROWS])
def test_a_field_is_read_back_as_it_is(written):
    made = field(written)
    again = field(made.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert again == made
    assert list(again.rows()) == list(made.rows())


def test_the_columns_of_an_event_belong_together(tmp_path):
    message = "{s.name} {s.address} {s.site} {s.rack} {s.name}|{r.id}|{r.name}"
    capture = build(tmp_path / "a.rcap", profile({"s": SERVER, "r": ROWS}, template(message)), events=20_000)
    servers, records = Counter[str](), Counter[tuple[str, str]]()
    for line in capture.lines():
        server, number, name = line.decode().split(": ")[1].split("|")
        servers[server] += 1
        records[number, name] += 1
    assert set(servers) == {
        f"{row['name']} {row['address']} {row['site']} {row['rack']} {row['name']}" for row in rows(SERVER)
    }
    assert all(abs(count - 20_000 / 6) < 300 for count in servers.values())
    assert {row: count / 20_000 for row, count in records.items()} == pytest.approx(
        {("7", 'the "first"'): 6 / 9, ("15", "second]"): 2 / 9, ("7", "fourth"): 1 / 9}, abs=0.01
    )


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("{columns: {}}", ".columns: needs at least one column"),
        ("{columns: [a]}", ".columns: must be a mapping of keys"),
        ("{columns: {a: 7}}", ".columns.a: must have one of the keys choices, pattern, integers, network, mac, file,"),
        ("{columns: {a: {hex: 3}}}", ".columns.a: must have one of the keys choices, pattern, integers, network, "),
        ("{columns: {a-b: {choices: [x]}}}", ".columns.a-b: 'a-b' is no name of a column; use letters, digits and _"),
        ("{columns: {1: {choices: [x]}}}", ".columns.1: must be text; put quotes around it"),
        ("{columns: {a: {choices: []}}}", ".columns.a.choices: needs at least one value"),
        ("{columns: {a: {integers: [0, 1048576]}}}", ".columns.a.integers: holds 1048577 values; a field may have "),
        ("{columns: {a: {choices: {x: 99, y: 1}}}}", ".columns.a: choices with weights have no order, and a column "),
        ("{columns: {a: {network: {10.0.0.0/30: 1, 10.1.0.0/30: 1}}}}", ".columns.a: network with weights have no or"),
        ("{columns: {a: {choices: [x], zipf: 1}}}", ".columns.a: zipf has no meaning in one column; write it beside "),
        ("{columns: {a: {integers: [1, 2], zipf: 1}}}", ".columns.a: zipf has no meaning in one column; write it "),
        ("{columns: {a: {choices: [x]}}, zipf: 9}", ".zipf: must be a number above 0 and up to 4; write it like 1.1"),
        ("{rows: []}", ".rows: needs at least one row whose weight is above 0"),
        ("{rows: {}}", ".rows: must be a list"),
        ("{rows: [7]}", ".rows[0]: must be a mapping of keys"),
        ("{rows: [{weight: 1}]}", ".rows: [0] needs at least one column besides its weight"),
        ("{rows: [{a: x, weight: 0}]}", ".rows: needs at least one row whose weight is above 0"),
        ("{rows: [{a: x, weight: -1}]}", ".rows[0].weight: must be a number from 0 to 1000000000000"),
        ("{rows: [{a: x}, {a: 7}]}", ".rows[1].a: must be text; put quotes around it"),
        ("{rows: [{a: x}, {b: x}]}", ".rows: [1] must have the columns of [0]: a"),
        ("{rows: [{a: x}, {a: x, b: y}]}", ".rows: [1] must have the columns of [0]: a"),
        ("{rows: [{a-b: x}]}", ".rows: 'a-b' is no name of a column; use letters, digits and _"),
        ("{rows: [{1: x}]}", ".rows[0].1: must be text; put quotes around it"),
        ('{rows: [{a: ""}]}', ".rows[0].a: must not be empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, written, line):
    assert complaint_of_field(tmp_path, written).startswith(line)
