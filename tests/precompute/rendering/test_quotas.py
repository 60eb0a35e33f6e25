"""Quotas: every template and every length has its share of the whole capture, to one event, and of each stretch."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.apportionment import MAX_ERROR
from precompute.rendering import plan
from precompute.rendering.frames import make_frames
from precompute.rendering.plan import chunk_events
from precompute.rendering.pools import Pool
from precompute.rendering.quotas import Quotas
from tests.precompute.profiles import build, built_in, profile, profiles, sourced, template


@given(profiles() | sourced(), st.integers(1, 10**6), st.integers(1, 9), st.integers(0, 2**64 - 1))
def test_chunks_sum_to_exact_shares_and_no_chunk_is_far_from_its_own(made, events, chunks, seed):
    frames = make_frames(made)
    quotas, size = Quotas(frames, seed=seed, events=events), -(-events // chunks)
    rows, lengths = np.zeros(len(frames.frames), np.int64), Counter()
    shown: dict[object, int] = Counter()
    for number, start in enumerate(range(0, events, size)):
        quota = quotas.of_chunk(number, start, min(size, events - start))
        rows += quota.frame_rows
        assert quota.frame_rows.sum() == min(size, events - start)
        # What lies before the end of this chunk, of each template.
        shares = rows.sum() * np.array([weight / sum(frames.weights) for weight in frames.weights])
        assert (abs(rows - shares) < MAX_ERROR + 1.001).all()
        for line in quota.lines:
            assert line.counts.sum() == quota.frame_rows[line.frame]
            assert (line.counts >= 0).all()
            frame = frames.frames[line.frame]
            columns = None if line.field == frame.host else frame.field_columns[line.field]
            key = frame.field_names[line.field], columns
            pool = frame.fields[line.field]
            assert isinstance(pool, Pool)
            shown[key] += int(line.counts.sum())
            for bucket, count in enumerate(line.counts.tolist()):
                lengths[key, bucket, pool.weights] += count
        for (key, bucket, weights), count in lengths.items():
            assert abs(count - shown[key] * weights[bucket] / sum(weights)) < MAX_ERROR + 1.001
    shares = events * np.array([weight / sum(frames.weights) for weight in frames.weights])
    assert (abs(rows - shares) < 1.001).all()
    for (key, bucket, weights), count in lengths.items():
        assert abs(count - shown[key] * weights[bucket] / sum(weights)) < 1.001


def test_one_in_a_thousand_is_just_that(tmp_path):
    fields = {"user": {"choices": ["root", "deploy"]}, "result": {"choices": {"accepted": 9990, "failed": 10}}}
    made = profile(fields, template("{user} {result}", weight=9), template("{result}", weight=1))
    users = Counter[bytes]()
    for seed in range(1, 6):
        capture = build(tmp_path / "a.rcap", made, events=190_000, seed=seed, force=True)
        failed = Counter(line.split()[-2] for line in capture.lines() if line.endswith(b"failed"))
        assert failed.total() == 190
        assert abs(failed[b"t:"] - 19) <= 2 * MAX_ERROR  # of each template as well
        users += failed
    assert min(users[b"root"], users[b"deploy"]) > 190  # of 855: a rare length meets every length of other fields


def test_a_rare_value_comes_as_often_in_each_quarter(tmp_path, monkeypatch):
    """Chunks end at the quarters here: before each, as many have come as its share, within what can be proven."""
    monkeypatch.setattr(plan, "MAX_CHUNK_EVENTS", 2500)
    fields = {"result": {"choices": {"accepted": 996, "failed": 4}}}
    capture = build(tmp_path / "a.rcap", profile(fields, template("{result}")), events=100_000)
    found = np.array([line.endswith(b"failed") for line in capture.lines()])
    assert found.sum() == 400
    for chunk in range(0, 100_000, 2500):
        assert abs(found[:chunk].sum() - chunk * 0.004) < MAX_ERROR + 1


def test_a_host_among_a_thousand_is_there_as_often_as_its_share_asks(tmp_path):
    capture = build(tmp_path / "system.rcap", built_in("system"), events=150_000)
    assert sum(b" server1000 " in line for line in capture.lines()) == 150


def test_the_bytes_of_a_quota_are_those_of_its_chunk():
    frames = make_frames(built_in("mixed"))
    events = chunk_events(frames) // 7
    quotas = Quotas(frames, seed=3, events=events)
    cells = plan.plan_chunk(frames, quotas, seed=3, chunk=0, first_event=0, windows=np.array([events]))
    assert quotas.of_chunk(0, 0, events).payload_bytes(frames) == int((cells.rows * cells.length).sum())
