"""Whatever becomes no event has a reason, which docs/importing.md explains, and which reads well of one and of many."""

from pathlib import Path

import pytest

from captures.convert.importing import text_batches, texts
from captures.packets.headers import reasons
from captures.packets.headers.reasons import told

REASONS = [
    *reasons.OF_PACKETS.values(),
    *(text for name, text in vars(reasons).items() if name.startswith("TCP_")),
    *(text_batches.EMPTY, text_batches.LONG, f"{text_batches.NO_TEXT} NAME", text_batches.NO_MESSAGE),
    *(texts.LONG_WITH_HEADER, texts.OTHER_TIME),
]
PAGE = (Path(__file__).parents[4] / "docs" / "importing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_in_the_table(reason: str) -> None:
    table = PAGE.split("## What is left out, and why")[1].split("\n## ")[0]
    assert f"`{reason}`" in table


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_told_of_one_and_of_many(reason: str) -> None:
    assert told(2000, reason) == f"2,000 {reason}"
    noun = told(1, reason).removeprefix("1 ").split()
    assert not {"gaps", "headers", "segments", "streams", "messages", "lines", "types"} & {*noun[:2]}
    assert noun[0] != "fragments"
