"""What did the checks find? A line for each check, as a table for people and as JSON for programs. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from captures.console.units import fitted
from replay.json_file import SCHEMA


class CheckState(StrEnum):
    """How a check ended, from good to bad."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One check, and how it ended."""

    check: str
    state: CheckState
    found: str
    why: str
    """Why the check matters."""
    mend: str | None = None
    """A command that mends what was found, or what to do; None: nothing needs mending."""


def ended(
    check: str, found: str, why: str, *, mend: str, state: CheckState = CheckState.WARN, sound: bool = False
) -> Finding:
    """A finding in the state `state`, or in the state OK and with nothing to mend if all is `sound`."""
    return Finding(check, CheckState.OK, found, why) if sound else Finding(check, state, found, why, mend)


def worst(findings: Sequence[Finding]) -> CheckState:
    """The worst state of all findings; OK if there are none."""
    return max((finding.state for finding in findings), key=list(CheckState).index, default=CheckState.OK)


def findings_table(
    findings: Sequence[Finding], left_out: Sequence[str], paint: Callable[[str, CheckState], str] = lambda text, _: text
) -> str:
    """A line for each finding, and below those that are not OK what to do; then what was `left_out`, and the counts.

    `paint` gives the text of a state its colour.
    """
    width = max(len(finding.check) for finding in findings)
    indent = " " * 6
    lines = []
    for finding in findings:
        row = fitted(f"{finding.state:4}  {finding.check:{width}}  {finding.found}", width + 8)
        # The colour is added last, since its escape sequences would count as width.
        lines.append(paint(row[:4], finding.state) + row[4:])
        if finding.mend is not None:
            lines += [fitted(f"{indent}{what}") for what in (f"why   {finding.why}", f"mend  {finding.mend}")]
    lines += [fitted(f"left out: {what}") for what in left_out]
    count = {state: sum(finding.state is state for finding in findings) for state in CheckState}
    lines.append(f"{count[CheckState.FAIL]} failed, {count[CheckState.WARN]} warned, {count[CheckState.OK]} ok")
    return "\n".join(lines)


def findings_json(findings: Sequence[Finding], left_out: Sequence[str]) -> dict[str, Any]:
    """The findings, ready for JSON."""
    return {
        "schema": SCHEMA,
        "findings": [asdict(finding) for finding in findings],
        "left_out": list(left_out),
        "worst": worst(findings),
    }
