"""The sample and its figures, against payloads whose figures are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import StampKind
from precompute.inspection.payload import SampledEvent, payload_figures, sample
from tests.precompute.profiles import build, built_in

STAMP = b"2026-01-01T00:00:00.000Z"


def event(body: bytes, stamp: bytes = STAMP) -> SampledEvent:
    return SampledEvent(b"<6>" + stamp + body, 3, StampKind.ISO_MS, 0)


def test_a_small_capture_is_sampled_whole(tmp_path):
    capture = build(tmp_path / "a.rcap", built_in("system"), events=3000)
    sampled = sample(capture)
    assert [event.text for event in sampled] == list(capture.lines())
    assert {(event.stamp_column, event.stamp_kind) for event in sampled} == {
        (int(train["stamp_column"]), int(train["stamp_kind"])) for train in capture.trains
    }


@pytest.mark.parametrize("wanted", [1, 100, 1000])
def test_a_sample_is_spread_over_the_capture(tmp_path, monkeypatch, wanted):
    monkeypatch.setattr("precompute.inspection.payload.SAMPLE_EVENTS", wanted)
    capture = build(tmp_path / "a.rcap", built_in("system"), events=20_000, train=32)
    texts = [event.text for event in sample(capture)]
    assert wanted * 0.8 - 4 <= len(texts) <= wanted * 1.2 + 4
    first = {line: number for number, line in reversed(list(enumerate(capture.lines())))}
    numbers = [first[text] for text in texts]
    assert numbers == sorted(numbers)
    # Of a train four events at most, so neighbours in the sample are close in the capture, or a stretch apart.
    stretch = 20_000 * 4 / wanted
    assert max(np.diff([*numbers, 20_000])) <= 2 * stretch + 64
    assert texts == [event.text for event in sample(capture)]


def test_long_events_make_a_small_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("precompute.inspection.payload.SAMPLE_BYTES", 10_000)
    capture = build(tmp_path / "a.rcap", built_in("system"), events=20_000)
    assert 10_000 / 2 < sum(len(event.text) for event in sample(capture)) < 2 * 10_000 + 128 * capture.longest


def test_identical_bodies_are_seen():
    figures = payload_figures([event(b" h t: x", b"2026-01-01T00:00:00.%03dZ" % number) for number in range(100)])
    assert figures.events == 100
    assert figures.distinct_bodies == 0.01
    assert figures.body_entropy_bits < 3
    assert figures.zstd_ratio > 5


@pytest.mark.parametrize(("values", "bits"), [(1, 0), (2, 1), (16, 4), (256, 8)])
def test_entropy_of_equally_frequent_bytes(values, bits):
    body = bytes(range(values)) * 9
    assert payload_figures([event(body)]).body_entropy_bits == pytest.approx(bits, abs=1e-12)


def test_noise_can_not_be_compressed():
    noise = [event(np.random.Generator(np.random.Philox(n)).bytes(1000)) for n in range(200)]
    figures = payload_figures(noise)
    assert figures.distinct_bodies == 1
    assert figures.body_entropy_bits > 7.99
    assert 0.95 < figures.zstd_ratio < 1.1


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=20))
def test_figures_of_any_bytes(bodies):
    figures = payload_figures([event(body) for body in bodies])
    assert figures.distinct_bodies == len(set(bodies)) / len(bodies)
    text = b"".join(bodies)
    plain = -math.fsum(n / len(text) * math.log2(n / len(text)) for b in set(text) for n in [text.count(b)])
    assert figures.body_entropy_bits == pytest.approx(plain, abs=1e-9)
    assert figures.zstd_ratio > 0
