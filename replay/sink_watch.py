"""Asking a sink how much is lost while a run goes on, at an instant that both sides agree on.

What was sent a second ago has arrived, if it ever will. So each look asks about the counts that the look before took:
how many of these events did not arrive? A sink that verifies tags knows that exactly; of untagged events it compares
how many it has received since the run began. At the end the counts are final, and the sink is asked until nothing is
lost or nothing more comes.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from captures.errors import PreflightError
from replay.clock import SECOND_NS
from replay.exchange import Answer, ask

_PATIENCE_S: Final = 0.25
"""The supervisor has a lease to extend."""
_SETTLE_STEP_NS: Final = SECOND_NS // 10
_SETTLED_NS: Final = SECOND_NS
_SETTLE_AT_MOST_NS: Final = 5 * SECOND_NS
LEAST_EVENTS: Final = 1000
"""Of fewer, a share says nothing that a run should be stopped for."""


@dataclass(frozen=True)
class Loss:
    """What a sink said of the events that had been sent by some instant."""

    sent_events: int
    lost_events: int
    received_events: int
    latency_p99_ms: float | None

    @property
    def part(self) -> float:
        """The share that is lost."""
        return self.lost_events / max(self.sent_events, 1)


class SinkWatch:
    """The sink of a run. `ask_sink` is given the words of a request, and raises OSError or ValueError."""

    def __init__(
        self, address: str, ports: Sequence[int], run_id: str | None, ask_sink: Callable[[Sequence[str]], Answer]
    ) -> None:
        """The sink at `address`, which hears a run of that id to these ports, if it is tagged."""
        self.address = address
        self._ports, self._run_id, self._ask = ports, run_id, ask_sink
        self._marks: list[int] | None = None
        self._before: dict[int, int] = {}
        self.loss: Loss | None = None
        """The latest; None: not measured."""
        self.answers = 0
        self.silent = False
        """Whether it did not answer when it was last asked."""
        self._over = 0

    def begin(self) -> None:
        """Tell the sink of the run. Raises PreflightError when it does not answer, or counts another one."""
        words = ["begin", self._run_id] if self._run_id else ["counters", ""]
        try:
            answer = self._ask(words)
            if "error" in answer:
                raise PreflightError(f"--sink {self.address}: {answer['error']}")
            self._before = {port: counts["received_events"] for port, counts in self._of_ports(answer).items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PreflightError(
                f"--sink {self.address}: no sink answers there ({getattr(error, 'strerror', None) or error}); "
                f"start one with --publish {self.address}"
            ) from None

    def look(self, sent: Sequence[int]) -> Loss | None:
        """Ask about the counts of the look before, and keep these, one for each port."""
        if self._marks is not None:
            self._look(self._marks)
        self._marks = list(sent)
        return self.loss

    def exceeds(self, limit: float) -> bool:
        """Whether two looks in a row found more than that share lost; call it after each look."""
        loss = self.loss
        over = loss is not None and loss.sent_events >= LEAST_EVENTS and loss.part > limit
        self._over = self._over + 1 if over else 0
        return self._over >= 2

    def settle(self, sent: Sequence[int], now_ns: Callable[[], int], sleep_ns: Callable[[int], None]) -> None:
        """Ask about the final counts, until nothing is lost or nothing changes any more."""
        begin_ns = changed_ns = now_ns()
        known: Loss | None = None
        while True:
            self._look(sent)
            if self.loss is None or not self.loss.lost_events:
                return
            if self.loss != known:
                known, changed_ns = self.loss, now_ns()
            if now_ns() - changed_ns >= _SETTLED_NS or now_ns() - begin_ns >= _SETTLE_AT_MOST_NS:
                return
            sleep_ns(_SETTLE_STEP_NS)

    def _look(self, marks: Sequence[int]) -> None:
        """Ask how many of so many events of each port did not arrive."""
        text = ",".join(f"{port}:{mark}" for port, mark in zip(self._ports, marks, strict=True))
        try:
            answer = self._ask(["counters", text])
            self.loss = self._loss(self._of_ports(answer), marks, answer.get("latency_p99_ms"))
            self.answers += 1
            self.silent = False
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.loss, self.silent = None, True

    def _of_ports(self, answer: Answer) -> dict[int, Mapping[str, Any]]:
        """What the answer says of each port of the run; one that the sink does not know received nothing."""
        unheard = {"received_events": 0, "verified_events": 0, "lost_events": None}
        return {port: answer["ports"].get(str(port), unheard) for port in self._ports}

    def _loss(self, said: Mapping[int, Mapping[str, Any]], marks: Sequence[int], p99_ms: float | None) -> Loss:
        lost = received = 0
        for port, mark in zip(self._ports, marks, strict=True):
            counts = said[port]
            here = counts["verified_events"] if self._run_id else counts["received_events"] - self._before[port]
            known = counts["lost_events"] if self._run_id else None
            lost += max(0, mark - here) if known is None else known
            received += here
        return Loss(sum(marks), lost, received, p99_ms)

    def figures(self) -> dict[str, Any]:
        """For the report; None: not measured."""
        loss = self.loss
        return {
            "address": self.address,
            "tagged": self._run_id is not None,
            "answers": self.answers,
            "silent": self.silent,
            "received_events": loss and loss.received_events,
            "lost_events": loss and loss.lost_events,
            "loss_percent": loss and round(100 * loss.part, 6),
            "latency_p99_ms": loss and loss.latency_p99_ms,
        }


def asking(host: str, port: int) -> Callable[[Sequence[str]], Answer]:
    """How the sink that publishes there is asked."""

    def ask_sink(words: Sequence[str]) -> Answer:
        with socket.create_connection((host, port), _PATIENCE_S) as client:
            return ask(client, words)

    return ask_sink
