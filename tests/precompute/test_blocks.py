"""Blocks: every row once, whole trains, never larger than a cache."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.blocks import BLOCK_BYTES, cut_blocks
from precompute.layouts import make_frames
from precompute.loading import load_profile
from precompute.plan import plan_chunk
from tests.precompute.profiles import nasty, profile, template

FRAMES = [
    make_frames(load_profile("system")),
    make_frames(nasty()),
    make_frames(profile({}, template("short"), template("x" * 950))),
]


@settings(max_examples=30)
@given(st.sampled_from(FRAMES), st.integers(1, 60_000), st.integers(1, 128))
def test_blocks_hold_every_row_once_and_only_the_last_train_of_a_class_is_short(frames, events, train):
    cells = plan_chunk(frames, 1, 0, events)
    blocks = list(cut_blocks(cells, train))
    held: Counter[object] = Counter()
    for block in blocks:
        held.update(block.pieces)
        assert block.rows * block.length <= BLOCK_BYTES
        assert block.train <= train
    planned: Counter[object] = Counter()
    for number, buckets, rows in zip(cells.template.tolist(), cells.buckets.tolist(), cells.rows.tolist(), strict=True):
        planned[number, tuple(buckets)] += rows
    assert held == planned
    kinds = list(zip(cells.class_length().tolist(), cells.class_rows().tolist(), strict=True))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        length, left = kinds[0]
        assert block.length == length
        kinds[0] = (length, left - block.rows)
        if left == block.rows:
            kinds.pop(0)
        else:
            assert following is not None
            assert block.rows % block.train == 0
    assert kinds == []
