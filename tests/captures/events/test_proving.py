"""Only the blocks that hold what is asked for are compared, and none that is damaged passes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import DamagedError
from captures.events.proving import Proof
from captures.format.capture import Capture
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import open_capture
from tests.captures.share.carried import large, mangled

BLOCKS = 3


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> list[Capture]:
    """Open captures of three blocks: of each, one block is damaged."""
    folder = tmp_path_factory.mktemp("broken")
    whole, captures = large(folder / "whole.rcap"), []
    for block in range(BLOCKS):
        path = Path(shutil.copy(whole, folder / f"{block}.rcap"))
        with path.open("r+b") as file:
            file.seek(open_capture(path).payload_offset + block * DIGEST_BLOCK_BYTES + 12345)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))
        captures.append(open_capture(path))
    return captures


@given(data=st.data())
def test_events_of_a_damaged_block_are_refused_and_others_are_not(broken: list[Capture], data: st.DataObject) -> None:
    block = data.draw(st.integers(0, BLOCKS - 1))
    capture = broken[block]
    size = len(capture.payload)
    borders = st.sampled_from([0, DIGEST_BLOCK_BYTES, 2 * DIGEST_BLOCK_BYTES, size])
    place = st.one_of(
        st.integers(0, size), st.builds(lambda at, by: min(max(at + by, 0), size), borders, st.integers(-9, 9))
    )
    with Proof(capture) as proof:
        for _ in range(data.draw(st.integers(1, 4))):
            begins = data.draw(st.lists(place, max_size=5))
            lengths = [data.draw(st.integers(0, min(65_507, size - begin))) for begin in begins]
            touched = {
                byte // DIGEST_BLOCK_BYTES for a, n in zip(begins, lengths, strict=True) if n for byte in (a, a + n - 1)
            }
            asked = np.array(begins, np.int64), np.array(lengths, np.int64)
            if block in touched:
                with pytest.raises(DamagedError, match=f"damaged: payload chunk {block} .bytes"):
                    proof.require(*asked)
                return
            proof.require(*asked)


def test_a_table_is_compared_only_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.rcap"
    shutil.copy("captures/samples/2-all.rcap", path)
    (part,) = (part for part in open_capture(path).parts if part.name == "flow_of")
    data = path.read_bytes()
    flipped = next(
        changed
        for place in range(part.offset, part.offset + len(part.data))
        if (changed := _openable(path, mangled(data, place, 1)))
    )
    path.write_bytes(flipped)
    capture = open_capture(path)
    with pytest.raises(DamagedError, match="damaged: section flow_of; copy"):
        Proof(capture)
    Proof(capture, {"trains"})


def _openable(path: Path, data: bytes) -> bytes | None:
    """The bytes, if they can be opened as a capture."""
    path.write_bytes(data)
    try:
        open_capture(path)
    except DamagedError:
        return None
    return data
