"""When does a run end for its loss? It asks its sink each second, and ends when more than `--abort-loss` is lost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from captures.console.errors import InputError
from captures.console.units import counted
from replay.board.snapshot import Loss, Snapshot, take_snapshot
from replay.clock import monotonic_ns, sleep_ns
from replay.exchange.place import Place, check_place
from replay.exchange.token import token_of_asker
from replay.plan.run_plan import RunPlan
from replay.ranges import format_ports
from replay.request_checks import check_path, check_share
from replay.supervision.loss_watch import SinkWatch, asking
from replay.supervision.outcome import Outcome
from replay.supervision.supervisor import Supervisor


@dataclass(frozen=True)
class AskedSink:
    """The sink that a run asks what has arrived."""

    place: Place | None = None
    """None: no sink is asked."""
    token_path: Path | None = None
    """The file with the secret that the sink asks for; None: it is in the environment, or there is none."""
    abort_loss: Fraction | None = None
    """The run is ended when a larger share of its events is lost; None: it goes on."""

    def check(self, needed_by: str | None) -> None:
        """Refuse what only a sink gives a sense to, if none is named; `needed_by` is a flag of the kind.

        Raises InputError.
        """
        flag = needed_by if self.abort_loss is None else "--abort-loss"
        if flag is not None and self.place is None:
            raise InputError(f"{flag}: only a sink can measure that; start one with --publish, and name it with --sink")
        if self.token_path is not None and self.place is None:
            raise InputError("--sink-token-file: there is no sink to show it to; name one with --sink")
        check_place("--sink", self.place)
        check_path("--sink-token-file", self.token_path)
        check_share("--abort-loss", self.abort_loss)

    def token(self) -> str | None:
        """Read the secret that the sink asks for; None: there is none, or no sink. Raises InputError."""
        return None if self.place is None else token_of_asker(self.token_path)


class AbortOnLoss:
    """Asks the sink of a run, if one was named, and acts on its answers."""

    def __init__(
        self,
        asked: AskedSink,
        token: str | None,
        plan: RunPlan,
        supervisor: Supervisor,
        say: Callable[[str], None],
        *,
        shortest_bytes: int,
    ) -> None:
        """Get ready without asking the sink yet.

        `token` is the secret of the sink; `say` prints a line while the run goes on, and `shortest_bytes` is the length
        of the shortest event.
        """
        self._most, self._supervisor, self._say = asked.abort_loss, supervisor, say
        self._said_silent = False
        place = asked.place
        self._watch = place and SinkWatch(
            str(place), plan.ports, plan.run_id, asking(*place, token), shortest_bytes=shortest_bytes
        )

    def begin(self) -> None:
        """Tell the sink that the run begins. Raises PreflightError when it does not answer."""
        if self._watch:
            self._watch.begin()
            if self._watch.deaf:
                self._say(
                    f"the sink at {self._watch.address} does not listen at {format_ports(tuple(self._watch.deaf))}: "
                    "these events arrive only if something on the way sends them to its ports"
                )

    def look(self, outcome: Outcome) -> Snapshot:
        """How the run stands now, with the sink's answer; the run is ended when too much is lost."""
        now = take_snapshot(outcome.board, monotonic_ns())
        return replace(now, sink=self._ask(self._watch, now)) if self._watch else now

    def _ask(self, watch: SinkWatch, now: Snapshot) -> Loss | None:
        """Ask the sink for the loss. Say so once if it does not answer, and end the run if the loss is too great."""
        loss = watch.look(now.lanes["sent_events"].tolist())
        if watch.silent and not self._said_silent:
            self._said_silent = True
            self._say(f"the sink at {watch.address} {watch.fault}: loss is not measured meanwhile")
        if loss is not None and self._most is not None and watch.exceeds(float(self._most)):
            elapsed_s = (monotonic_ns() - now.start_ns) / 1e9
            lost = f"{loss.lost_events:,} of {counted(loss.sent_events, 'event')} lost"
            self._supervisor.abort(
                f"stopped after {elapsed_s:.0f} s: {lost} "
                f"({100 * loss.part:.2f}%), and at most {float(self._most * 100):g}% are allowed"
            )
        return loss

    def settle(self, outcome: Outcome) -> None:
        """Ask the sink about everything that was sent, when all workers have ended; a signal cuts this short."""
        if self._watch:
            sent = take_snapshot(outcome.board, monotonic_ns()).lanes["sent_events"].tolist()
            self._watch.settle(sent, monotonic_ns, sleep_ns, lambda: outcome.settling_cut_by is not None)

    @property
    def loss(self) -> Loss | None:
        """The latest loss that the sink told; None: it told none, or no sink was named."""
        return self._watch.loss if self._watch else None

    def figures(self) -> dict[str, Any] | None:
        """The figures for the report; None: no sink was named."""
        return self._watch.figures() if self._watch else None
