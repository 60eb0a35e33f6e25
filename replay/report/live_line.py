"""What does a run say while it goes on? A line that a terminal renews, and lines that stay. Writing never blocks."""

from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import format_count, format_share
from replay.board.errnos import errno_name
from replay.board.snapshot import Snapshot
from replay.plan.run_plan import RunPlan
from replay.report.table import fallback_line
from replay.supervision.outcome import Outcome


class LiveLine:
    """A line with rate, target, total and errors, renewed each second; nothing is shown if stderr is no terminal."""

    def __init__(self, plan: RunPlan) -> None:
        """Show nothing yet."""
        self._plan = plan
        self._stderr = Stderr()
        self._bar: tqdm[Any] | None = None
        self._refused = False

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def show(self, outcome: Outcome, now: Snapshot) -> None:
        """Renew the line from a snapshot of the board."""
        if self._bar is None:
            self._bar = bar(total=self._plan.total, unit=" events", unit_scale=True, file=self._stderr)
        shown = self._bar
        self._announce_fallback(now)
        mean_eps = self._plan.schedule.mean_eps
        mean_eps = mean_eps and mean_eps * float(outcome.demand.time_scale.factor)
        target = "max" if mean_eps is None else format_count(mean_eps)
        lost = f", lost {format_share(now.sink.lost_events, now.sink.sent_events)}" if now.sink else ""
        course = self._plan.pace.course
        if course is not None and now.start_ns:
            phase = course.phase_at(outcome.demand.time_scale.schedule_ns(max(0, now.at_ns - now.start_ns)))
            shown.set_description_str(phase or "", refresh=False)
        shown.set_postfix_str(f"target {target} EPS, errors {sum(now.errors.values()):,}{lost}", refresh=False)
        shown.update(now.sent_events - shown.n)

    def _announce_fallback(self, now: Snapshot) -> None:
        """Say once that the kernel has refused GSO, whether stderr is a terminal or not."""
        code = int(now.workers["fallback_errno"].max())
        if code and not self._refused:
            self._refused = True
            self.say(fallback_line(errno_name(code)))

    def say(self, text: str) -> None:
        """Print a line that stays, whether stderr is a terminal or not."""
        tqdm.write(text, file=self._stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line."""
        if self._bar is not None:
            self._bar.close()
