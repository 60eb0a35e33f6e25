"""Captures that are sound by the format's rules, and say strange things: nothing but one line comes of them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError, StampedeError
from captures.format.capture import Capture
from captures.format.layout import TRAIN
from captures.format.reader import open_capture
from captures.format.sections import BACK, FLOW
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.choosing import Choice, Moment
from captures.rework.comparing.compare import compare
from captures.rework.merging.merge import merge_captures
from captures.rework.printing import PrintRequest, printed
from captures.rework.slicing import slice_capture

LATE_NS = (1 << 63) - 10**12
EVENTS = 4
JSON = st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda x: st.lists(x, max_size=4), max_leaves=6)


@st.composite
def strange(draw: st.DrawFn) -> dict[str, Any]:
    """Tables of which the format asks no more than that they are of one length, and name what is there."""

    def numbers(most: int) -> list[int]:
        return draw(st.lists(st.integers(0, most), min_size=EVENTS, max_size=EVENTS))

    return {
        "order": numbers(EVENTS - 1) if draw(st.booleans()) else None,
        "times": sorted(numbers(10**11)) if draw(st.booleans()) else None,
        "templates": numbers(65535) if draw(st.booleans()) else None,
        "sources": draw(st.sampled_from([0, 3, 1 << 31, (1 << 32) - 1])),
        "start_ns": draw(st.sampled_from([0, 10**18, LATE_NS])),
        "note": {"hosts": draw(JSON), "history": draw(JSON)},
        "back_ns": draw(st.integers(0, 10**9)),
    }


def made(path: Path, said: dict[str, Any]) -> Capture:
    with StreamWriter(path) as writer:
        trains = np.zeros(2, TRAIN)
        trains["count"], trains["length"] = 2, 5
        trains["source"] = max(said["sources"] - 1, 0)
        flows = np.zeros(1, FLOW)
        flows["family"], flows["vlans"], flows["link"] = 6, 0xFFFF, 0xFFFF
        writer.add_flows(flows)
        back = np.zeros(1, BACK)
        back["event"], back["by_ns"] = 3, min(said["back_ns"], said["start_ns"])
        writer.add(
            trains,
            np.frombuffer(b"some bytes, in all 20"[:20], np.uint8),
            times=None if said["times"] is None else np.array(said["times"], np.uint64),
            order=None if said["order"] is None else np.array(said["order"], np.uint64),
            templates=None if said["templates"] is None else np.array(said["templates"], np.uint16),
            flow_of=np.zeros(EVENTS, np.uint32),
            back=None if said["times"] is None else back,
        )
        writer.finish(start_ns=said["start_ns"], sources=said["sources"], note=said["note"])
    return open_capture(path)


@given(strange(), strange(), st.integers(0, 3), st.sampled_from(["clock", "start"]))
def test_strange_tables_end_in_a_line(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, Any], other: dict[str, Any], first: int, align: Any
) -> None:
    folder = tmp_path_factory.mktemp("strange")
    a, b = made(folder / "a.rcap", one), made(folder / "b.rcap", other)
    timed = one["times"] is not None
    for original_order in (False, True):
        request = PrintRequest(first, original_order=original_order, number=True, flow=True, time=timed)
        assert sum(len(lines.place) for lines in printed(a, request)) == EVENTS - first
    for name, choice in (
        ("host", Choice(hosts=["a"])),
        ("first", Choice(first=first)),
        ("time", Choice(start=Moment(50, absolute=False), end=Moment(1 << 62, absolute=True))),
    ):
        with suppress(InputError):
            slice_capture(a, folder / f"{name}.rcap", choice)
            assert open_capture(folder / f"{name}.rcap").events > 0
    with suppress(InputError):
        merge_captures([a, b], folder / "merge.rcap", align)
        assert open_capture(folder / "merge.rcap").events == 2 * EVENTS
    try:
        found = compare(a, b)
    except StampedeError:
        return
    assert found.same + found.lost + found.changed == EVENTS
