"""A reconciliation as a program calls it: what can't be compared is refused, and is never a success."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.sessions.reconcile import reconcile_files

GOLDEN = Path(__file__).parents[1] / "report" / "golden"
SENT, HEARD = GOLDEN / "run_before_schema.json", GOLDEN / "sink_before_schema.json"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((SENT, None, None, None), "say what SENT is compared with: a sink's report, or --collector and an audit's"),
        ((SENT, None, None, HEARD), "say what SENT is compared with"),
        ((str(SENT), HEARD, None, None), f"SENT '{SENT}': write it like Path("),
        ((None, HEARD, None, None), "SENT None: write it like Path("),
        ((SENT, "heard.json", None, None), "RECEIVED 'heard.json': write it like Path("),
        ((SENT, None, "audit.json", None), "--collector 'audit.json': write it like Path("),
        ((SENT, HEARD, None, "host.json"), "--collector-host 'host.json': write it like Path("),
    ],
)
def test_what_can_not_be_compared_is_refused(files: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InputError) as refusal:
        reconcile_files(*files)
    assert str(refusal.value).startswith(said)


@pytest.mark.parametrize("share", [Fraction(2), -1, 0.5])
def test_a_limit_that_is_no_share_is_refused(share: Any) -> None:
    with pytest.raises(InputError, match="--max-loss .*: a share is "):
        reconcile_files(SENT, HEARD, None, None).passes(share)
