"""Runs have numbers, and names of eight digits."""

import pytest

from captures.format.tags import MAX_RUN
from replay.rewrite.tags import new_run, parse_run, run_text


def test_runs_are_named_by_eight_digits() -> None:
    run = new_run()
    assert 0 < run <= MAX_RUN
    assert parse_run(run_text(run)) == run
    assert parse_run(" 1F3a9c07 ") == 0x1F3A9C07


@pytest.mark.parametrize("text", ["", "00000000", "1f3a9c0", "1f3a9c071", "1f3a9c0g", "-1f3a9c0", "0x1f3a9c"])
def test_what_names_no_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write eight hexadecimal digits"):
        parse_run(text)
