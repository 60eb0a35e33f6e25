"""What is written is read, however it was cut into parts, and its digests follow from its bytes alone."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from captures.format import digests, reader
from captures.format.digests import damaged_parts
from captures.format.layout import MAX_TRAIN_BYTES, MAX_TRAIN_EVENTS
from captures.format.reader import open_capture
from captures.format.writing import writer
from tests.captures.content import Content, content, noise, tiny, write

GOLDEN_DIGEST = "6afcb90c4cfe3163624d836b7d89533af757993bf094afefa71b39eb70426819"
"""Changes only with the format, and then VERSION does too."""

GOLDEN_DIGEST_WITH_SOURCES = "bb51045a9a1033fad7095557dc0cfbb53f3b284111283900f6e75266ae83840b"
"""Differs in the header's number of sources alone."""

BLOCK_BYTES = 1000

shapes = st.tuples(st.integers(1, MAX_TRAIN_EVENTS), st.integers(1, MAX_TRAIN_BYTES)).map(
    lambda shape: (min(shape[0], MAX_TRAIN_BYTES // shape[1]), shape[1])
)


@st.composite
def cut_contents(draw: st.DrawFn) -> tuple[Content, list[tuple[int, int]]]:
    """Any trains, any windows, and any cut into parts in any order of writing."""
    drawn = draw(st.lists(shapes, min_size=1, max_size=12))
    count = len(drawn)
    window_cuts = sorted(draw(st.lists(st.integers(0, count), max_size=3)))
    part_cuts = [0, *sorted(draw(st.lists(st.integers(0, count), max_size=5))), count]
    parts = draw(st.permutations(list(pairwise(part_cuts))))
    return content(noise(drawn), np.diff([0, *window_cuts]).tolist()), parts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures")


@pytest.fixture(scope="module")
def small_blocks() -> Iterator[None]:
    """Digests over so few bytes that small captures have many of them."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (digests, reader, writer):
            patch.setattr(module, "DIGEST_BLOCK_BYTES", BLOCK_BYTES)
        yield


@pytest.mark.usefixtures("small_blocks")
@given(cut=cut_contents(), jobs=st.integers(1, 3))
def test_any_parts_in_any_order_make_the_same_capture(folder, cut, jobs):
    held, parts = cut
    path, whole = folder / "parts.rcap", folder / "whole.rcap"
    digest = write(path, held, parts, jobs=jobs, force=True)
    assert digest == write(whole, held, force=True)
    assert path.read_bytes() == whole.read_bytes()

    capture = open_capture(path)
    assert capture.digest == digest
    assert capture.recipe == held.shape.recipe
    assert (capture.seed, capture.start_ns) == (held.shape.seed, held.shape.start_ns)
    assert (capture.shortest, capture.longest) == (held.shape.shortest, held.shape.longest)
    assert capture.sources == held.shape.sources
    for found, expected in (
        (capture.windows, held.shape.windows),
        (capture.trains, held.trains),
        (capture.payload, held.payload),
        (capture.mix, held.mix),
    ):
        np.testing.assert_array_equal(found, expected)
    assert b"".join(capture.lines()) == held.payload.tobytes()
    assert sum(len(capture.matrix(train)) for train in range(len(capture.trains))) == capture.events


@pytest.mark.usefixtures("small_blocks")
@given(drawn=st.lists(shapes, min_size=1, max_size=6), jobs=st.integers(1, 3))
def test_each_digest_is_that_of_its_block(folder, drawn, jobs):
    held, path = content(noise(drawn)), folder / "blocks.rcap"
    write(path, held, jobs=jobs, force=True)
    capture = open_capture(path)
    raw = held.payload.tobytes()
    expected = [blake3(raw[i : i + BLOCK_BYTES]).digest() for i in range(0, len(raw), BLOCK_BYTES)]
    assert [bytes(digest) for digest in capture.digests] == expected
    assert damaged_parts(capture, jobs, lambda _: None) == []


def test_a_tiny_capture_keeps_its_digest(tmp_path):
    held = tiny()
    assert write(tmp_path / "tiny.rcap", replace(held, shape=replace(held.shape, sources=0))) == GOLDEN_DIGEST
    assert write(tmp_path / "sources.rcap", held) == GOLDEN_DIGEST_WITH_SOURCES
