"""Two events have the same hash if they are the same but for what is live."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.compiled.words import words_of
from captures.events import stretches
from captures.format.capture import Capture
from captures.format.stamps.kinds import STAMP_WIDTHS, StampKind
from captures.format.tags import TAG_BYTES, tag_text
from captures.rework.comparing.normal import blank_tags, hash_all, hashes_of
from tests.captures.rework.made import PLANS, events_of, make


def blanked(capture: Capture) -> list[bytes]:
    """The events with zeros in the place of what their trains call live."""
    found = []
    for event in events_of(capture):
        text = bytearray(event.text)
        for column, kind, _ in event.live:
            width = STAMP_WIDTHS[StampKind(kind)]
            text[column : column + width] = bytes(width)
        if event.tag[0]:
            text[event.tag[1] : event.tag[1] + TAG_BYTES] = bytes(TAG_BYTES)
        found.append(bytes(text))
    return found


@given(PLANS, st.integers(1, 20))
def test_hashes_tell_events_apart_by_what_is_not_live(
    tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any], at_once: int
) -> None:
    capture = make(tmp_path_factory.mktemp("hash") / "a.rcap", plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "_MOST_BYTES", 40 * at_once)
        pieces = [*hashes_of(capture, by_text=False)]
    hashes = np.concatenate([hashes for _, hashes in pieces]).tolist()
    texts = blanked(capture)
    by_text: dict[bytes, set[int]] = defaultdict(set)
    for text, value in zip(texts, hashes, strict=True):
        by_text[text].add(value)
    assert all(len(values) == 1 for values in by_text.values())
    assert len(set(hashes)) == len(by_text)
    assert [stretch.first for stretch, _ in pieces] == [*np.cumsum([0, *(len(h) for _, h in pieces[:-1])])]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_a_hash_is_of_an_event_alone(events: list[bytes]) -> None:
    def hashes(behind: bytes) -> list[int]:
        data = np.frombuffer(b"".join(event + behind for event in events) + bytes(16), np.uint8).copy()
        length = np.array([len(event) for event in events])
        place, found = np.cumsum(length + len(behind)) - length - len(behind), np.empty(len(events), np.uint64)
        hash_all(words_of(data), place, length, found)
        return list(found.tolist())

    assert hashes(b"") == hashes(b"\xff") == hashes(b"abcdefghi")
    assert len(set(hashes(b""))) == len(set(events))


TAG = tag_text(0x1F3A9C07, 5542, 42)


@given(st.lists(st.sampled_from([b"=", b'"', TAG, TAG.upper(), TAG[:-1], b"x", b"-", b"=" + TAG]), max_size=6))
def test_tags_are_blanked_behind_an_equals_sign_or_a_quote(parts: list[bytes]) -> None:
    text = b"".join(parts)
    data = np.frombuffer(b"=" + text + TAG + bytes(16), np.uint8).copy()
    blank_tags(data, np.array([1]), np.array([len(text)]))
    pattern = rb'(?i)(?<=[="])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{10}'
    expected = re.sub(pattern, bytes(TAG_BYTES), text)
    assert data[1 : 1 + len(text)].tobytes() == expected
    assert data[1 + len(text) :].tobytes() == TAG + bytes(16)


def test_empty_captures_of_one_empty_event(tmp_path: Path) -> None:
    plan = {"version": 2, "shapes": [(1, 0)], "seed": 1}
    plan |= dict.fromkeys(("times", "flows", "order", "templates", "original", "hosts", "live"), False)
    capture = make(tmp_path / "a.rcap", plan)
    assert [hashes.tolist() for _, hashes in hashes_of(capture, by_text=True)] == [[0]]
