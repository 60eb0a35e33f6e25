"""How much is lost while a run goes on? The run asks its sink, about an instant that both sides agree on.

An event that was sent a second ago has arrived, if it ever will. So each look asks about the counts that the look
before took: how many of these events did not arrive? A sink that verifies tags knows that exactly. Of untagged events
the sink only knows how many it has received since the run began; the events of the last second among them may hide as
many losses, until the end. Events that still wait at the sink's sockets are not lost. At the end the counts are final,
and the sink is asked until it knows about all events, or until nothing more arrives.
"""

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from captures.console.errors import PreflightError
from captures.console.harmless import harmless
from captures.console.units import counted
from replay.board.snapshot import Loss
from replay.clock import SECOND_NS, monotonic_ns
from replay.exchange.json_request import Answer, ask, wait_until
from replay.exchange.token import proved

if TYPE_CHECKING:
    from replay.exchange.answers import SinkCounters

_PATIENCE_NS: Final = SECOND_NS // 4
"""How long to wait for an answer during the run: not long, since the supervisor must look after the workers."""
_FIRST_PATIENCE_NS: Final = 5 * SECOND_NS
"""How long to wait for an answer before the run, when there are no workers yet."""
_SETTLE_STEP_NS: Final = SECOND_NS // 10
_SETTLED_NS: Final = SECOND_NS
_SETTLE_AT_MOST_NS: Final = 5 * SECOND_NS
_SHOWN_CHARACTERS: Final = 200
"""The most characters of a sink's message that are shown."""
LEAST_EVENTS: Final = 1000
"""A run is not stopped because of the share lost of fewer events: it would mean too little."""


class SinkWatch:
    """Asks the sink of a run. `ask_sink` takes the words of a request, and raises OSError or ValueError."""

    def __init__(
        self,
        address: str,
        ports: Sequence[int],
        run_id: str | None,
        ask_sink: Callable[[Sequence[str]], Answer],
        *,
        shortest_bytes: int = 1,
    ) -> None:
        """Watch the sink at `address`, which receives this run at `ports`; only a tagged run has a `run_id`.

        No event of the run is shorter than `shortest_bytes`.
        """
        self.address = address
        self._ports, self._run_id, self._ask, self._shortest_bytes = ports, run_id, ask_sink, shortest_bytes
        self._since_ns: int | None = None
        self._marks: list[int] | None = None
        self._before: dict[int, int] = {}
        self.loss: Loss | None = None
        """The latest loss; None: it was not measured."""
        self.answers = 0
        self.silent = False
        """Whether the sink gave no useful answer when it was last asked."""
        self.fault = ""
        """What the sink did instead of a useful answer."""
        self.deaf: list[int] = []
        """Ports at which the sink does not listen. Tagged events to them still count if the network maps the ports."""
        self._over = 0

    def begin(self) -> None:
        """Tell the sink that the run begins. Raises PreflightError when it does not answer, or can't count this run."""
        words = ["begin", self._run_id] if self._run_id else ["counters", ""]
        try:
            answer = self._ask(words)
            if (refusal := _refusal(answer)) is not None:
                raise PreflightError(f"--sink {self.address}: {refusal}")
            counters = _counters(answer)
        except (OSError, ValueError) as error:
            said = harmless(str(getattr(error, "strerror", None) or error)[:_SHOWN_CHARACTERS])
            raise PreflightError(
                f"--sink {self.address}: no sink answers there ({said}); start one with --publish {self.address}"
            ) from None
        if self._run_id and counters.run_id != self._run_id:
            raise PreflightError(
                f"--sink {self.address}: told to count run {self._run_id}, it says that it counts "
                f"{_run_named(counters.run_id)}; start a sink of this version of Stampede there"
            )
        heard = {int(port): counts.received_events for port, counts in counters.ports.items()}
        self._since_ns = counters.since_ns
        self.deaf = [port for port in self._ports if port not in heard]
        if self.deaf and not self._run_id:
            ports = ", ".join(map(str, self.deaf))
            raise PreflightError(f"--sink {self.address}: the sink does not listen at port {ports}")
        self._before = heard

    def look(self, sent: Sequence[int]) -> Loss | None:
        """Ask about the counts that the last look kept, and keep `sent`, which has one count for each port."""
        if self._marks is not None:
            self._look(self._marks)
        self._marks = list(sent)
        return self.loss

    def exceeds(self, limit: float) -> bool:
        """Whether two looks in a row found a greater share lost than `limit`. Call this once after each look."""
        loss = self.loss
        over = loss is not None and loss.sent_events >= LEAST_EVENTS and loss.part > limit
        self._over = self._over + 1 if over else 0
        return self._over >= 2

    def settle(
        self,
        sent: Sequence[int],
        now_ns: Callable[[], int],
        sleep_ns: Callable[[int], None],
        cut_short: Callable[[], bool] = lambda: False,
    ) -> None:
        """Ask about the final counts, until all events arrived, nothing changes any more, or `cut_short` says stop.

        If the sink has not read everything by then, or the wait for missing events was cut short, the loss is unknown.
        """
        begin_ns = changed_ns = now_ns()
        known: Loss | None = None
        while True:
            self._look(sent, final=True)
            loss = self.loss
            if loss is not None and not loss.lost_events and not loss.unknown_events:
                return
            if cut_short():
                self.loss = None
                return
            if loss != known:
                known, changed_ns = loss, now_ns()
            if now_ns() - changed_ns >= _SETTLED_NS or now_ns() - begin_ns >= _SETTLE_AT_MOST_NS:
                break
            sleep_ns(_SETTLE_STEP_NS)
        if loss is not None and loss.unknown_events:
            self.loss = None

    def _look(self, marks: Sequence[int], *, final: bool = False) -> None:
        """Ask how many of the first `marks` events of each port did not arrive; `final`: no more events were sent."""
        text = ",".join(f"{port}:{mark}" for port, mark in zip(self._ports, marks, strict=True))
        self.loss, self.silent = None, True
        try:
            answer = self._ask(["counters", text])
            if (refusal := _refusal(answer)) is not None:
                self.fault = f"refuses to tell its counters ({refusal})"
                return
            self.loss = self._loss(_counters(answer), marks, final=final)
        except OSError:
            self.fault = "does not answer"
        except ValueError as error:
            said = harmless(str(error)[:_SHOWN_CHARACTERS])
            self.fault = f"does not answer as a sink of this run would ({said})"
        else:
            self.silent = False
            self.answers += 1

    def _loss(self, said: "SinkCounters", marks: Sequence[int], *, final: bool) -> Loss:
        """The loss among the events below the `marks`, by a sink's counters. Raises ValueError for impossible counters.

        While a run goes on, events above the marks have arrived as well. When the marks are `final`, the numbers that
        arrived and the numbers that are lost can't be more than the numbers below the marks.
        """
        if said.since_ns != self._since_ns:
            raise ValueError("another one took its place, which has not heard all of the run")
        if self._run_id and said.run_id != self._run_id:
            raise ValueError(f"it counts {_run_named(said.run_id)}")
        lost = received = unknown = 0
        for port, mark in zip(self._ports, marks, strict=True):
            counts = said.ports.get(str(port))
            if counts is None:
                raise ValueError(f"it says nothing of port {port}")
            if self._run_id:
                here, lost_here = counts.verified_events, counts.lost_events
            else:
                here = counts.received_events - self._before[port]
                lost_here = max(0, mark - here - counts.waiting_bytes // self._shortest_bytes)
            too_many = final and self._run_id and here + lost_here > mark
            if here < 0 or lost_here > mark or too_many:
                raise ValueError(
                    f"of {counted(mark, 'event')} to port {port}, {lost_here:,} are lost and {here:,} arrived"
                )
            lost += lost_here
            received += here
            unknown += max(0, mark - here - lost_here)
        return Loss(sum(marks), lost, received, said.latency_p99_ms, unknown)

    def figures(self) -> dict[str, Any]:
        """The loss as the report shows it; its values are None where it was not measured."""
        loss = self.loss
        return {
            "address": self.address,
            "tagged": self._run_id is not None,
            "answers": self.answers,
            "silent": self.silent,
            "received_events": loss and loss.received_events,
            "lost_events": loss and loss.lost_events,
            "loss_percent": loss and (round(100 * loss.part, 6) if loss.sent_events else None),
            "latency_p99_ms": loss and loss.latency_p99_ms,
        }


def _refusal(answer: Answer) -> str | None:
    """Why a sink refuses a request, in words that are safe to print on a terminal; None: it does not refuse."""
    refusal = answer.get("error")
    return harmless(refusal[:_SHOWN_CHARACTERS]) if isinstance(refusal, str) else None


def _run_named(run_id: str | None) -> str:
    return "no run" if run_id is None else f"run {run_id}"


def _counters(answer: Answer) -> "SinkCounters":
    """The counters in a sink's answer. Raises ValueError."""
    from replay.exchange.answers import sink_counters  # noqa: PLC0415 - pydantic takes a while to load

    return sink_counters(answer)


def asking(host: str, port: int, token: str | None = None) -> Callable[[Sequence[str]], Answer]:
    """A function that asks the sink which publishes at `host` and `port`. The name is looked up only once."""
    known: list[Any] = []

    def ask_sink(words: Sequence[str]) -> Answer:
        patience_ns = _PATIENCE_NS if known else _FIRST_PATIENCE_NS
        found = known or socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        error: OSError | None = None
        for address in found:
            deadline_ns = monotonic_ns() + patience_ns
            with socket.socket(*address[:3]) as client:
                try:
                    wait_until(client, deadline_ns)
                    client.connect(address[4])
                except OSError as failure:
                    error = failure
                    continue
                known[:] = [address]
                return ask(client, proved(words, token), deadline_ns)
        raise error or OSError("no address")

    return ask_sink
