"""What differs is found, and what is live does not count."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captures.console.errors import DamagedError
from captures.format.capture import Capture
from captures.format.layout import TRAIN
from captures.format.reader import open_capture
from captures.format.sections import FLOW
from captures.format.tags import tag_text
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.comparing.compare import compare
from captures.rework.comparing.differences import Delays, Difference, Differences, Fate
from captures.rework.comparing.matching import NONE
from tests.captures.content import tagged, timed, write
from tests.captures.rework.comparing.test_matching import slow
from tests.captures.rework.made import PLANS, make
from tests.captures.share.carried import mangled

WORDS = [b"one event", b"two event", b"other", b"", b"one eventful day", b"quite another thing"]


def received(path: Path, texts: list[bytes], times: list[int] | None = None, port: int = 0) -> Capture:
    """A capture of version 2 of single events."""
    with StreamWriter(path) as writer:
        trains = np.zeros(len(texts), TRAIN)
        trains["count"], trains["length"] = 1, [len(text) for text in texts]
        flows = np.zeros(1, FLOW)
        flows["family"], flows["target_port"] = 4, port
        if port:
            writer.add_flows(flows)
        writer.add(
            trains,
            np.frombuffer(b"".join(texts), np.uint8),
            times=None if times is None else np.array(times, np.uint64),
            flow_of=np.zeros(len(texts), np.uint32) if port else None,
        )
        writer.finish(start_ns=10**18, note={})
    return open_capture(path)


def resemble(one: bytes, other: bytes) -> bool:
    shorter = min(len(one), len(other))
    return shorter > 0 and 2 * sum(a == b for a, b in zip(one, other, strict=False)) >= shorter


def slow_counts(left: list[bytes], right: list[bytes]) -> dict[str, int]:
    names = {text: number for number, text in enumerate({*left, *right})}
    pairs = slow([names[text] for text in left], [names[text] for text in right])
    twins: dict[int, int] = {}
    last = (NONE, NONE)
    for number, other in enumerate(pairs):
        if other != NONE:
            last = (number, other)
            continue
        twin = last[1] + number - last[0]
        free = 0 <= twin < len(right) and twin not in pairs and twin not in twins.values()
        if free and resemble(left[number], right[twin]):
            twins[number] = twin
    same = sum(other != NONE for other in pairs)
    back = sorted((other, number) for number, other in enumerate(pairs) if other != NONE)
    moved = sum(number < max((n for _, n in back[:place]), default=-1) for place, (_, number) in enumerate(back))
    return {
        "same": same,
        "lost": len(left) - same - len(twins),
        "extra": len(right) - same - len(twins),
        "changed": len(twins),
        "moved": moved,
    }


@example([b"one event", b"other", b"two event", b"one event"], [b"two event", b"two event"])
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)
)
def test_counts_are_those_of_a_slow_comparison(
    tmp_path_factory: pytest.TempPathFactory, left: list[bytes], right: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("diff")
    found = compare(received(folder / "a.rcap", left), received(folder / "b.rcap", right), most=100)
    expected = slow_counts(left, right)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.alike == (left == right)
    for fate in Fate:
        assert sum(each.fate == fate for each in found.shown) == expected[fate]


@given(PLANS)
def test_a_capture_is_like_itself(tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any]) -> None:
    capture = make(tmp_path_factory.mktemp("diff") / "a.rcap", plan)
    found = compare(capture, capture)
    assert found.alike
    assert (found.same, found.shown) == (capture.events, [])
    assert found.other_flow in (None, 0)
    assert found.delays in (None, Delays(capture.events, 0, 0, 0, 0))
    json.dumps(found.figures())


def test_stamps_of_two_builds_do_not_count(tmp_path: Path) -> None:
    held = timed([2, 2], [10**9, 10**9])
    write(tmp_path / "a.rcap", held)
    payload = held.payload.copy()
    train = held.trains[1]
    start = int(train["offset"]) + int(train["stamp_column"])
    payload[start] ^= 1  # in a stamp
    write(tmp_path / "b.rcap", replace(held, payload=payload))
    assert compare(open_capture(tmp_path / "a.rcap"), open_capture(tmp_path / "b.rcap")).alike
    payload[int(train["offset"]) + int(train["length"]) - 1] ^= 1  # its last digit
    write(tmp_path / "b.rcap", replace(held, payload=payload), force=True)
    found = compare(open_capture(tmp_path / "a.rcap"), open_capture(tmp_path / "b.rcap"))
    assert (found.lost, found.extra, found.changed, found.moved) == (0, 0, 1, 0)
    assert found.shown[0].first == found.shown[0].second == train["first_event"]
    assert found.shown[0].columns[-1] == (train["length"] - 1,) * 2
    assert found.other_recipe == []


def test_what_was_received_is_like_what_was_sent(tmp_path: Path) -> None:
    write(tmp_path / "a.rcap", tagged(timed([2, 2], [10**9, 10**9])))
    sent = open_capture(tmp_path / "a.rcap")
    texts = []
    for number, text in enumerate(sent.lines()):
        assert text.endswith(b" stampede=00000000-0000-0000000000")
        tagged_text = text[:-24] + tag_text(77, 514, number)
        texts.append(tagged_text.replace(b"2025-08-30T10:15:3", b"2026-11-27T23:59:5").replace(b"Aug 30", b"Nov 27"))
    back = received(tmp_path / "b.rcap", texts)
    assert compare(sent, back).alike
    del texts[5]
    texts[20] = texts[20].replace(b"host app", b"host map")
    found = compare(sent, received(tmp_path / "c.rcap", texts))
    assert (found.same, found.lost, found.changed, found.extra, found.moved) == (62, 1, 1, 0, 0)
    assert [(each.fate, each.first, each.second) for each in found.shown] == [("lost", 5, None), ("changed", 21, 20)]


def test_instants_and_addresses_are_told(tmp_path: Path) -> None:
    one = received(tmp_path / "a.rcap", [b"a", b"b", b"c"], [0, 10, 20], port=514)
    other = received(tmp_path / "b.rcap", [b"a", b"b", b"c"], [5, 9, 40], port=515)
    found = compare(one, other)
    assert found.alike
    assert (found.other_flow, found.delays) == (3, Delays(3, -1, 5, 20, 20))


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_damaged_capture_is_not_compared(tmp_path: Path, damaged: int) -> None:
    plan = {"version": 1, "shapes": [(9, 50)], "cuts": [], "window_ns": [0]}
    captures = [make(tmp_path / name, plan) for name in ("a", "b")]
    path = captures[damaged].path
    path.write_bytes(mangled(path.read_bytes(), captures[damaged].payload_offset))
    with pytest.raises(DamagedError, match=f"{path}: damaged: payload chunk 0"):
        compare(*(open_capture(capture.path) for capture in captures))


def test_a_text_says_all() -> None:
    delays = Delays(5, -1_000_000, 0, 2_000_000, 3_000_000)
    shown = [Difference(Fate.CHANGED, 3, 4, "a\x1b" * 50, ((0, 0), (7, 9))), Difference(Fate.EXTRA, None, 9, "b")]
    found = Differences("a", "b", 1000, 2, 1, 2, 3, 4, 1, 5, 6, delays, ["seed"], shown)
    assert found.text().splitlines() == [
        "different but for stamps and tags",
        "events     1,000 and 2; 1 are the same",
        "of them    2 lost, 3 extra, 4 changed (1 of other length)",
        "order      5 events moved",
        "flows      6 events with other addresses, ports or protocol",
        "later by   -1ms to 3ms; half by 0s at most, 99% by 2ms",
        "recipe     differs in seed",
        "changed    3 4 columns 0,7-9 " + ("a\\x1b" * 50)[:48] + "...",
        "extra      - 9 b",
    ]
