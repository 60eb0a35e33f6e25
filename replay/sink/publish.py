"""A sink's counters for whoever asks while it runs: `replay.exchange.json_request` over tcp(7).

    ["begin", RUN]                        the sink counts that run's tags from now on, if it counts no other one yet
    ["counters", "PORT:MARK,..."]         what it knows of each port; how many of the events below MARK did not arrive

Ports are those that events were sent to, as their tags say; the sink need not listen to them where something on the way
maps ports.

A mark is a number of events that were sent a while ago, so what is on its way is not taken for lost. Nor is what may
still wait at a socket: numbers behind the last one that was read count as lost where nothing waits. Either request
stands behind a proof of the sink's token (`replay.exchange.token`), where it has one.
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
from replay.sink.report.figures import total_drops
from replay.sink.verify.number_account import arrived_below, lost_below

_PERCENTILE: Final = 99
_CHOICE_PATIENCE_S: Final = 2.0
_MARK: Final = re.compile(r"(\d{1,5}):(\d{1,18})", re.ASCII)


class Publisher:
    """The sink's end."""

    def __init__(
        self,
        place: Place,
        tally: Tally,
        seats: Callable[[], Sequence[tuple[int, int]]],
        token_path: Path | None = None,
    ) -> None:
        """Listen at `place`, for those who have the token if there must be one. Raises InputError, PreflightError.

        `seats` tells, of each seat's socket, the packets that it dropped, and the bytes that wait there to be read.
        """
        self._tally, self._seats = tally, seats
        self._pinned = int(tally.run[0])
        """The run that the sink was told to count; 0: none."""
        self._named = self._pinned
        """The run that was named to it last, by whomever; a worker may have chosen another one. 0: none."""
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
        """Answer those who have asked."""
        self._clients.poll(self.obey)

    def obey(self, words: Sequence[str]) -> Answer:
        """Carry out a request. Raises InputError when it can't be."""
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
        """Count that run's tags from now on; one that was named before and never heard is in nobody's way.

        Nor is what strayed in before (`replay.sink.verify.port_account`). Raises InputError where the sink counts
        another run: its report is of one run, from the first event to the last.
        """
        try:
            run = parse_run(text)
        except ValueError as error:
            raise InputError(str(error)) from None
        choice = self._tally.choice
        # A worker that is killed while it has the lock never gives it back.
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
        """The same, while nobody else decides which run counts."""
        tally, rows = self._tally, self._tally.rows
        counted = int(tally.run[0])
        # What a worker chose it has heard, though it may not have counted any of it yet.
        heard = counted != self._named or any(tally.sequences[name][rows].any() for name in ("next", "held"))
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
        if heard or (not counted and run in tally.leaders["run"]):
            raise InputError(f"the sink has heard a run {text} before; give this one another id, and another sink")
        tally.run[0] = self._named = run

    def counters(self, marks: dict[int, int]) -> Answer:
        """What is known now: of all, and of each port by its number."""
        tally = self._tally
        # Before the counts are read: what is taken from a socket meanwhile still counts as waiting.
        told, waiting = np.array(self._seats(), np.int64).T
        drops = np.array(total_drops(tally, told.tolist()))
        ports: dict[str, dict[str, Any]] = {}
        rows = {int(tally.row_ports[row]): row for row in tally.rows}
        for port in sorted({*rows, *marks}):
            row = rows.get(port)
            own = tally.port_of_seat == row
            ways = own if row is None else own | (tally.came_by[:, row] > 0)
            # Of a port whose way is not known yet, whatever waits may be its.
            waits = int(waiting[ways if ways.any() else slice(None)].sum())
            ports[str(port)] = {
                "received_events": int(tally.lanes["events"][own].sum()),
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
        """What became of the numbers below `mark` of a port, which has a row unless nothing of it was ever heard."""
        if row is None:
            return {"verified_events": 0, "lost_events": 0 if waits else mark, "duplicated_events": 0}
        account = self._tally.sequences[row : row + 1]
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
