"""Blocks: every row once, whole trains, never larger than a cache."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.rendering.blocks import BLOCK_BYTES, cut_blocks
from precompute.rendering.frames import make_frames
from precompute.rendering.plan import class_trains, plan_chunk
from precompute.rendering.quotas import Quotas
from tests.precompute.profiles import built_in, nasty, profile, template

FRAMES = [
    make_frames(built_in("system")),
    make_frames(nasty()),
    make_frames(profile({}, template("short"), template("x" * 950))),
]


@given(st.sampled_from(FRAMES), st.integers(1, 60_000), st.integers(1, 128))
def test_blocks_hold_every_row_once_and_every_train_whole(frames, events, train):
    quotas, windows = Quotas(frames, seed=1, events=events), np.array([events // 3, events - events // 3])
    cells = plan_chunk(frames, quotas, seed=1, chunk=0, first_event=0, windows=windows)
    blocks = list(cut_blocks(cells, train))
    held: Counter[object] = Counter()
    for block in blocks:
        held.update(block.pieces)
        assert block.rows * block.length <= BLOCK_BYTES
        assert block.rows == sum(block.pieces.values())
        assert max(block.trains) <= train
    planned: Counter[object] = Counter()
    for number, buckets, rows in zip(cells.frame.tolist(), cells.buckets.tolist(), cells.rows.tolist(), strict=True):
        planned[number, tuple(buckets)] += rows
    assert held == planned
    of_class, _, counts = class_trains(cells, train)
    assert [count for block in blocks for count in block.trains] == counts.tolist()
    of_block = np.repeat(np.arange(len(blocks)), [len(block.trains) for block in blocks])
    length, stamp = cells.class_length()[of_class], cells.class_stamp()[of_class]
    for number, block in enumerate(blocks):
        assert set(of_class[of_block == number].tolist()) == {of_class[of_block == number][0]}
        assert set(length[of_block == number].tolist()) == {block.length}
        assert set(stamp[of_block == number].tolist()) == {block.stamp}
