"""The line that a terminal shows while a run goes on."""

from types import TracebackType
from typing import NoReturn, Self

from tqdm import tqdm

from captures.units import format_count
from replay.plan import RunPlan
from replay.report import error_total
from replay.supervisor import Outcome


class LiveLine:
    """Rate against target, total and errors, renewed each second; silent where stderr is no terminal."""

    def __init__(self, plan: RunPlan) -> None:
        """Show nothing yet: tqdm starts a thread, and the workers are forked before any exists."""
        self._plan = plan
        self._bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def show(self, outcome: Outcome) -> None:
        """Renew the line."""
        bar = self._bar or tqdm(total=self._plan.total, unit=" events", unit_scale=True, disable=None, leave=False)
        self._bar = bar
        sent = int(outcome.board.lanes["sent_events"].sum())
        target = "max" if self._plan.rate_eps is None else format_count(self._plan.rate_eps)
        bar.set_postfix_str(f"target {target} EPS, errors {error_total(outcome):,}", refresh=False)
        bar.update(sent - bar.n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line."""
        if self._bar is not None:
            self._bar.close()
