"""Lengths of events against what the profile asks, by a plain reckoning of all combinations."""

from fractions import Fraction

import pytest

from precompute.inspection.lengths import length_test
from precompute.rendering.frames import make_frames
from tests.precompute.profiles import build, profile, template

HEAD = len("<6>2026-01-01T00:00:00.000Z h t: ")
FIELDS = {"a": {"choices": {"x": 3, "yy": 1}}, "b": {"choices": ["k", "llll"]}, "o": {"optional": "{a}", "share": 0.25}}
FRAMES = make_frames(profile(FIELDS, template("{a}{b}{a}", weight=3), template("{b}{o}", weight=1)))


def test_shares_of_all_combinations_are_asked():
    asked: dict[int, Fraction] = {}
    for a, of_a in ((1, Fraction(3, 4)), (2, Fraction(1, 4))):
        for b in (1, 4):
            for length, share in ((2 * a + b, Fraction(3, 4)), (b, Fraction(3, 16)), (b + a, Fraction(1, 16))):
                asked[HEAD + length] = asked.get(HEAD + length, Fraction()) + share * of_a / 2
    assert sum(asked.values()) == 1
    exact = length_test(FRAMES, {length: int(share * 1024) for length, share in asked.items()})
    assert exact.misplaced == pytest.approx(0, abs=1e-12)
    assert exact.asked_mean_bytes == pytest.approx(float(sum(length * share for length, share in asked.items())))
    # One event in 1024 of another length.
    moved = {length: int(share * 1024) for length, share in asked.items()} | {HEAD + 99: 1}
    moved[HEAD + 3] -= 1
    assert length_test(FRAMES, moved).misplaced == pytest.approx(1 / 1024)


def test_a_capture_has_the_mean_that_is_asked(tmp_path):
    made = profile(FIELDS, template("{a}{b}{a}", weight=3), template("{b}{o}", weight=1))
    capture = build(tmp_path / "a.rcap", made, events=20_000)
    asked = length_test(FRAMES, {capture.shortest: 1}).asked_mean_bytes
    assert abs(len(capture.payload) - 20_000 * asked) < 20
