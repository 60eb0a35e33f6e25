"""What is rendered, read back by a plain reader: every event is one of its template, every train is of a kind."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format import StampKind
from precompute.loading import load_profile
from tests.precompute.profiles import build, nasty, pattern, profile, profiles, template


@settings(max_examples=60)
@given(profiles(), st.integers(1, 700), st.integers(0, 2**64 - 1), st.integers(1, 128))
def test_every_event_is_a_line_of_its_template(tmp_path_factory, made, events, seed, train):
    path = tmp_path_factory.mktemp("drawn") / "drawn.rcap"
    capture = build(path, made, events=events, seed=seed, train=train)
    fields = {name: [value for value, weight in field.values() if weight] for name, field in made.fields.items()}
    templates = [entry for _, entry in made.templates()]
    lines = {entry.tag: pattern(entry.line(made.start).text, fields) for entry in templates}

    found = Counter[str]()
    for line in capture.lines():
        tag = line.split(b" ")[2].decode().removesuffix(":")
        assert lines[tag].fullmatch(line.decode())
        found[tag] += 1
    assert found.total() == capture.events == events
    assert [found[entry.tag] for entry in templates] == capture.mix.tolist()
    assert capture.trains["count"].max() <= train


@settings(max_examples=30)
@given(profiles(), st.integers(1, 700))
def test_a_train_carries_its_stamp_where_it_says(tmp_path_factory, made, events):
    capture = build(tmp_path_factory.mktemp("drawn") / "drawn.rcap", made, events=events)
    for number, row in enumerate(capture.trains):
        matrix, column = capture.matrix(number), int(row["stamp_column"])
        assert (row["stamp_kind"], row["tag_kind"], row["source"]) == (StampKind.ISO_MS, 0, 0)
        assert {bytes(event[column : column + 24]) for event in matrix} == {made.start.encode()}
        assert {bytes(event[:column])[-1:] for event in matrix} == {b">"}
    # Only the last train of a class is short.
    full = Counter((row["length"], row["stamp_column"]) for row in capture.trains if row["count"] < 128)
    assert set(full.values()) <= {1}


def test_values_and_lengths_of_a_nasty_profile_are_uniform(tmp_path):
    capture = build(tmp_path / "nasty.rcap", nasty(), events=200_000)
    assert capture.longest - capture.shortest > 80
    mean = len(capture.payload) / capture.events - len("<6>2026-01-01T00:00:00.000Z h t: ")
    assert abs(mean - 8 * 10.5) < 0.5


def test_values_are_drawn_by_weight_and_independently(tmp_path):
    fields = {"a": {"choices": {"k": 1, "l": 2, "mm": 1}}, "b": {"integers": [5, 14]}}
    capture = build(tmp_path / "two.rcap", profile(fields, template("{a}/{b}/{a}")), events=100_000)
    drawn = [line.split(b": ")[1].split(b"/") for line in capture.lines()]
    assert all(a == again for a, _, again in drawn)
    for position, shares in ((0, {b"k": 0.25, b"l": 0.5, b"mm": 0.25}), (1, {b"%d" % b: 0.1 for b in range(5, 15)})):
        found = Counter(values[position] for values in drawn)
        assert {value: found[value] / 100_000 for value in found} == pytest.approx(shares, rel=0.05)
    # Lengths of two fields are paired by the cell, so pairs are coarser than the fields by themselves.
    pairs = Counter((a, b) for a, b, _ in drawn)
    assert len(pairs) == 30
    assert all(abs(count / 100_000 - (0.05 if a == b"l" else 0.025)) < 0.02 for (a, _), count in pairs.items())


def test_the_mix_of_any_stretch_follows_the_weights(tmp_path):
    capture = build(tmp_path / "mix.rcap", load_profile("system"), events=300_000)
    systemd = np.array([b" systemd[" in line for line in capture.lines()])
    assert abs(systemd.mean() - 0.4) < 1e-4
    for stretch in np.split(systemd, 10):
        assert abs(stretch.mean() - 0.4) < 0.08


def test_neighbours_are_shuffled(tmp_path):
    """Rows of a block come from several cells; a train must not keep them apart."""
    fields = {"a": {"choices": ["aa", "b"]}, "c": {"choices": ["c", "dd"]}}
    capture = build(tmp_path / "shuffled.rcap", profile(fields, template("{a} {c}")), events=100_000)
    for number in range(len(capture.trains)):
        rows = [bytes(row)[-4:] for row in capture.matrix(number)]
        if len(rows) == 128 and rows[0] in (b"aa c", b"b dd"):
            assert len(set(rows)) == 2
