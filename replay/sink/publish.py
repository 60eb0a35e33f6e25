"""How does a sink tell its counters while it runs? It answers requests: `replay.exchange.json_request` over tcp(7).

    ["begin", RUN]                        the sink counts that run's tags from now on, if it counts no other one yet
    ["counters", "PORT:MARK,..."]         what it knows of each port; how many of the events below MARK did not arrive

The ports are those to which events were sent, as their tags say. The sink need not listen at them, if something on the
way maps ports.

A mark is the number of events that had been sent a while ago, so events on their way do not count as lost. Neither do
events that may still wait at a socket: numbers after the last one that was read count as lost only if nothing waits. If
the sink has a token, each request must begin with a proof of it (`replay.exchange.token`).
"""

import re
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from captures.console.errors import InputError, PreflightError, StampedeError
from replay.exchange.json_request import Answer, Clients
from replay.exchange.place import Place
from replay.exchange.token import checked, token_of_sink
from replay.ranges import MOST_PORTS
from replay.rewrite.tags import parse_run, run_text
from replay.sink.board import Tally
from replay.sink.number_account import arrived_below, lost_below
from replay.sink.report.figures import total_drops

_PERCENTILE: Final = 99
_CHOICE_PATIENCE_S: Final = 2.0
_MARK: Final = re.compile(r"(\d{1,5}):(\d{1,18})", re.ASCII)


class Publisher:
    """Answers the requests at the sink's side."""

    def __init__(
        self,
        place: Place,
        tally: Tally,
        ask_sockets: Callable[[], Sequence[tuple[int, int]]],
        token_path: Path | None = None,
    ) -> None:
        """Listen at `place`; `token_path` is the file of the token, if there is one. Raises InputError, PreflightError.

        `ask_sockets` returns, for each socket, the packets that it dropped, and the bytes that wait there to be read.
        """
        self._tally, self._ask_sockets = tally, ask_sockets
        self._pinned = int(tally.run[0])
        """The run that the sink was told to count; 0: none."""
        self._named = self._pinned
        """The run that a flag or a request named last; a worker may have chosen another one. 0: none."""
        try:
            family, _, _, _, address = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0]
            self._listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            raise _no_place(place, error) from None
        try:
            self._token = token_of_sink(token_path, str(address[0]))
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(address)
            self._clients = Clients(self._listener)
        except OSError as error:
            self._listener.close()
            raise _no_place(place, error) from None
        except StampedeError:
            self._listener.close()
            raise

    def close(self) -> None:
        """Stop listening."""
        self._clients.close()
        self._listener.close()

    def poll(self) -> None:
        """Answer the requests that have come."""
        self._clients.poll(self.obey)

    def obey(self, words: Sequence[str]) -> Answer:
        """Carry out a request. Raises InputError if that is not possible."""
        words = checked(words, self._token)
        match words:
            case ["begin", text]:
                self._begin(text)
                return self.counters({})
            case ["counters", text]:
                return self.counters(_marks(text))
        raise InputError(
            f"{words[0][:40]!r} is no request of a sink's; there are begin RUN, and counters PORT:MARK,..."
        )

    def _begin(self, text: str) -> None:
        """Count the tags of the run `text` from now on.

        A run that was named before, but of which nothing came, does not hinder this; nor do a few foreign events that
        came before (`replay.sink.verify.which_run`). Raises InputError if the sink already counts another run: its
        report is of one run, from the first event to the last.
        """
        try:
            run = parse_run(text)
        except ValueError as error:
            raise InputError(str(error)) from None
        choice = self._tally.choice
        # The wait is bounded, since a worker that is killed while it holds the lock never releases it.
        if not choice.acquire(timeout=_CHOICE_PATIENCE_S):
            raise InputError(
                f"the sink could not take up run {text} in {_CHOICE_PATIENCE_S} s: one of its workers stands still "
                "or has died; end the sink, and start one anew"
            )
        try:
            self._take_up(run, text)
        finally:
            choice.release()

    def _take_up(self, run: int, text: str) -> None:
        """Count the run from now on; the caller holds the lock of the choice."""
        tally, rows = self._tally, self._tally.rows
        counted = int(tally.run[0])
        # If a worker chose the run, events of it have come, though none may be counted yet.
        heard = counted != self._named or any(tally.numbers[name][rows].any() for name in ("next", "held"))
        if counted != run and self._pinned:
            raise InputError(
                f"the sink counts run {run_text(counted)} alone, as its --run-id says; end it, and start one for "
                f"run {text}"
            )
        if counted not in (0, run) and heard:
            raise InputError(
                f"the sink counts run {run_text(counted)} and has heard events of it, and a report is of one run; "
                f"end it (^C: it writes its report), and start one for run {text}"
            )
        strayed = run in tally.others["run"] or (not counted and run in tally.leaders["run"])
        if heard or strayed:
            raise InputError(f"the sink has heard a run {text} before; give this one another id, and another sink")
        tally.run[0] = self._named = run

    def counters(self, marks: dict[int, int]) -> Answer:
        """The present counters: of all ports together, and of each port by its number."""
        tally = self._tally
        # The sockets are asked before the counts are read: events that are read in between still count as waiting.
        told, waiting = np.array(self._ask_sockets(), np.int64).T
        drops = np.array(total_drops(tally, told.tolist()))
        ports: dict[str, dict[str, Any]] = {}
        rows = {int(tally.row_ports[row]): row for row in tally.rows}
        for port in sorted({*rows, *marks}):
            row = rows.get(port)
            own = tally.port_of_socket == row
            ways = own if row is None else own | (tally.came_by[:, row] > 0)
            # If it is not known yet at which sockets a port's events come, whatever waits may be of this port.
            waits = int(waiting[ways if ways.any() else slice(None)].sum())
            ports[str(port)] = {
                "received_events": int(tally.by_socket["events"][own].sum()),
                **self._numbers(row, marks.get(port, 0), waits=bool(waits)),
                "kernel_drops": int(drops[own].sum()),
                "waiting_bytes": waits,
            }
        p99_us = tally.age.percentile_us(_PERCENTILE)
        run = int(tally.run[0])
        return {
            "run_id": run_text(run) if run else None,
            "since_ns": tally.start_ns,
            "latency_p99_ms": None if p99_us is None else round(p99_us / 1000, 3),
            "ports": ports,
        }

    def _numbers(self, row: int | None, mark: int, *, waits: bool) -> dict[str, int]:
        """What became of a port's numbers below `mark`; `row` is None if no event of the port has come."""
        if row is None:
            return {"verified_events": 0, "lost_events": 0 if waits else mark, "duplicated_events": 0}
        account = self._tally.numbers[row : row + 1]
        if waits:
            mark = min(mark, int(account["next"][0]))
        return {
            "verified_events": arrived_below(account, mark),
            "lost_events": lost_below(account, self._tally.rings[row], mark),
            "duplicated_events": int(account["duplicated"][0]),
        }


def _no_place(place: Place, error: OSError) -> PreflightError:
    return PreflightError(f"--publish {place}: {error.strerror or error}; name an address and port of this host")


def _marks(text: str) -> dict[int, int]:
    pairs = [_MARK.fullmatch(part) for part in text.split(",") if part]
    if None in pairs or len(pairs) > MOST_PORTS:
        raise InputError(f"{text[:40]!r}: marks are written like 514:1000,515:1000")
    return {int(pair[1]): int(pair[2]) for pair in pairs if pair}
