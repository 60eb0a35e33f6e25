"""Events read back: against the plain reader of these tests, and against whatever bytes there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import StampKind
from precompute.inspection.payload import SampledEvent, sample
from precompute.inspection.recognition import Recogniser
from precompute.rendering.frames import make_frames
from tests.precompute.profiles import EACH_BUILT_IN, Reader, build, built_in, nasty, profile, profiles, tagged, template

HEAD = b"<6>2026-01-01T00:00:00.000Z h t: "


def read_all(made, path, **options):
    """Each event's text, and what was recognised."""
    sampled = sample(build(path / "a.rcap", made, **options))
    return list(
        zip([event.text.decode() for event in sampled], Recogniser(make_frames(made)).read(sampled), strict=True)
    )


def read_one(made, body: bytes):
    return next(Recogniser(make_frames(made)).read([SampledEvent(HEAD + body, 3, StampKind.ISO_MS, 0)]))


def agrees(found, plain) -> bool:
    """Whether a recognised value is one that the plain reader holds possible."""
    (field, column), text = found
    known = plain.values[field]
    return known == text if isinstance(known, str) else text in {row[column] for row in known}


@given(made=profiles() | tagged())
def test_every_event_of_any_profile_is_read_as_a_plain_reader_does(made, tmp_path_factory):
    reader = Reader(made)
    for text, found in read_all(made, tmp_path_factory.mktemp("drawn"), events=60):
        plain = reader.read(text)
        assert found is not None
        assert found.template == plain.template


SEPARATE = {
    "a": {"integers": [1, 400], "zipf": 1},
    "r": {"rows": [{"x": "p", "y": "q r"}, {"x": "p s", "y": 'q"\\'}, {"x": "é", "y": "]"}]},
    "h": {"hex": 7},
    "u": {"uuid": 4},
    "o": {"optional": " a={a}", "share": 0.5},
}


def test_values_are_those_of_the_plain_reader(tmp_path):
    made = profile(
        SEPARATE,
        template("{a}; {r.y}; {h}; {u}{o}", data={"m@1": {"x": "{r.x}", "y": "{r.y} {a}"}}, pid="{a}"),
        format="rfc5424",
    )
    reader = Reader(made)
    seen = read_all(made, tmp_path, events=500)
    assert {text.count(" a=") for text, _ in seen} == {0, 1}
    for text, found in seen:
        plain = reader.read(text)
        assert set(found.values) == {("a", ""), ("r", "x"), ("r", "y"), ("h", ""), ("u", "")}
        assert all(agrees(value, plain) for value in found.values.items())


@pytest.mark.parametrize("name", EACH_BUILT_IN)
def test_every_event_of_a_built_in_profile_is_recognised(tmp_path, name):
    assert all(found for _, found in read_all(built_in(name), tmp_path, events=3000))


def test_fields_side_by_side_are_read_one_way_or_the_other(tmp_path):
    made = profile({"a": {"integers": [10, 200]}, "b": {"integers": [10, 200]}}, template("{a}{b}"))
    for text, found in read_all(made, tmp_path, events=2000):
        a, b = found.values["a", ""], found.values["b", ""]
        assert text.endswith(f": {a}{b}")
        assert 10 <= int(a) <= 200 >= int(b) >= 10


def test_a_value_that_holds_what_stands_behind_it(tmp_path):
    made = profile({"a": {"choices": ["x", "x y", "x y x"]}, "b": {"choices": ["y", "y x"]}}, template("{a} {b}"))
    assert all(found for _, found in read_all(made, tmp_path, events=300))


def test_escapes_are_taken_off_in_structured_data(tmp_path):
    values = ["a\\", "a\\\\", 'q"', "]"]
    made = profile({"v": {"choices": values}}, template("z", data={"m@1": {"x": "{v}"}}), format="rfc5424")
    assert {found.values["v", ""] for _, found in read_all(made, tmp_path, events=400)} == set(values)


ROWS = {"r": {"rows": [{"x": "a", "y": "1"}, {"x": "b", "y": "2"}]}}
ONE = {"a": {"choices": ["x", "y"]}}


@pytest.mark.parametrize(
    ("fields", "message", "right", "wrong"),
    [
        (ONE, "say {a}", b"say x", b"say z"),
        (ONE, "say {a}", b"say x", b"say xx"),
        (ONE, "say {a}", b"say x", b"say x\n"),
        (ONE, "say {a}", b"say x", b"say "),
        (ONE, "say {a}", b"say x", b"said x"),
        (ONE, "{a} {a}", b"y y", b"x y"),
        (ROWS, "{r.x}={r.y}", b"b=2", b"b=1"),
        ({"h": {"hex": 3}}, "{h}.", b"0af.", b"0ag."),
        ({"c": {"counter": 1, "width": 3}}, "{c}", b"012", b"12"),
        ({"u": {"uuid": 4}}, "{u}", b"01234567-89ab-4def-8123-456789abcdef", b"01234567-89ab-5def-8123-456789abcdef"),
    ],
)
def test_what_the_profile_can_not_have_made_is_not_recognised(fields, message, right, wrong):
    made = profile(fields, template(message))
    assert read_one(made, right) is not None
    assert read_one(made, wrong) is None


@given(st.binary(max_size=80), st.integers(0, 60), st.sampled_from(list(StampKind)))
def test_any_bytes_are_read_without_complaint(text, column, kind):
    made = profile({"a": {"choices": ["x", "yé"]}}, template("{a}"), template("say {a}{a}"))
    assert list(Recogniser(make_frames(made)).read([SampledEvent(text, column, kind, 0)])) == [None]


def test_an_event_with_many_wrong_readings_is_given_up_in_time():
    """There are some 20^8 ways to cut it; each place is reached once."""
    assert read_one(nasty(), b"x" * 80) is not None
    assert read_one(nasty(), b"x" * 80 + b"y") is None


def test_the_work_on_a_sample_is_bounded(monkeypatch):
    monkeypatch.setattr("precompute.inspection.recognition._MOST_STEPS", 10)
    made = profile({"a": {"choices": ["x"]}}, template("{a}"))
    events = [SampledEvent(HEAD + b"x", 3, StampKind.ISO_MS, 0)] * 10
    found = list(Recogniser(make_frames(made)).read(events))
    assert found[0] is not None
    assert found[-1] is None
