"""What a run says while it goes on: a line that a terminal shows, and lines that stay. None of it ever waits."""

import errno
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import format_count
from replay.plan.run_plan import RunPlan
from replay.report.run_report import error_total, fallback_line
from replay.supervision.supervisor import Outcome


class LiveLine:
    """Rate against target, total and errors, renewed each second; silent where stderr is no terminal."""

    def __init__(self, plan: RunPlan) -> None:
        """Show nothing yet."""
        self._plan = plan
        self._stderr = Stderr()
        self._bar: tqdm[Any] | None = None
        self._refused = False

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def show(self, outcome: Outcome, loss: str = "") -> None:
        """Renew the line; `loss` is what is known of it."""
        if self._bar is None:
            self._bar = bar(total=self._plan.total, unit=" events", unit_scale=True, file=self._stderr)
        shown = self._bar
        self._announce_fallback(outcome)
        sent = int(outcome.board.lanes["sent_events"].sum())
        mean_eps = self._plan.schedule.mean_eps
        mean_eps = mean_eps and mean_eps * float(outcome.demand.tempo.factor)
        target = "max" if mean_eps is None else format_count(mean_eps)
        shown.set_postfix_str(f"target {target} EPS, errors {error_total(outcome):,}{loss}", refresh=False)
        shown.update(sent - shown.n)

    def _announce_fallback(self, outcome: Outcome) -> None:
        """Say it once when the kernel has refused GSO, on a terminal or not."""
        code = int(outcome.board.workers["fallback_errno"].max())
        if code and not self._refused:
            self._refused = True
            self.say(fallback_line(errno.errorcode.get(code, str(code))))

    def say(self, text: str) -> None:
        """Say a line that stays, on a terminal or not."""
        tqdm.write(text, file=self._stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line."""
        if self._bar is not None:
            self._bar.close()
