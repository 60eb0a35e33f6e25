"""What becomes of numbers that are certain: those that go on, are passed over, or come after all.

`replay.sink.verify.event_numbers` says which numbers are certain, and what the words mean.

In the kernels, `accounts` are those of all rows, and `account` is the NUMBERS row of one of them, as a record. Numbers,
counts and intervals are int64. The window is as long as a ring, a power of two.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import fence
from captures.compiled.kernel import int64, kernel
from replay.histogram import record_one
from replay.sink.number_account import MOST_HELD
from replay.sink.verify.socket_charge import charged_events


class Accounts(NamedTuple):
    """The accounts of all rows, in arrays that other processes may read meanwhile; zeros are new accounts."""

    numbers: NDArray[Any]
    """NUMBERS, shape (rows,)."""
    rings: NDArray[np.int32]
    """Shape (rows, WINDOW)."""
    arrived: NDArray[np.int64]
    """This and the next five are the planes: counts by interval, shape (rows, intervals)."""
    lost: NDArray[np.int64]
    lost_in_socket: NDArray[np.int64]
    duplicated: NDArray[np.int64]
    reordered: NDArray[np.int64]
    late: NDArray[np.int64]
    uncharged: NDArray[np.int64]
    """How many lost events may still be charged to the socket by which events arrive now, shape (1,)."""
    chain: NDArray[np.int64]
    """Room for a chain of leaps, shape (MOST_HELD,)."""


def accounts_in(numbers: NDArray[Any], rings: NDArray[np.int32], planes: dict[str, NDArray[np.int64]]) -> Accounts:
    """The accounts that lie in these arrays."""
    uncharged, chain = np.zeros(1, np.int64), np.zeros(MOST_HELD, np.int64)
    return Accounts(numbers, rings, **planes, uncharged=uncharged, chain=chain)


@kernel
def take_certain(accounts: Accounts, row: int, first: int, count: int, interval: int, chargeable: int) -> None:
    """Count events whose numbers are certain, below or above the numbers reached so far."""
    reached = accounts.numbers[row].next
    if first < reached:
        below = min(count, reached - first)
        take_below(accounts, row, first, first + below, interval)
        first, count = first + below, count - below
    elif first > reached:
        pass_over(accounts, row, reached, first, interval, chargeable)
    if count:
        forget(accounts.numbers[row], accounts.rings[row], first, first + count)
        go_on(accounts, row, first + count, count, interval)


@kernel
def go_on(accounts: Accounts, row: int, reached: int, count: int, interval: int) -> None:
    """Count numbers up to `reached`. Whoever sees that it was reached also sees that they arrived."""
    account = accounts.numbers[row]
    account.arrived += count
    fence()
    account.next = reached
    accounts.arrived[row, interval] += count


@kernel
def take_below(accounts: Accounts, row: int, first: int, end: int, interval: int) -> None:
    """Count events with numbers below the highest one: they are late, duplicated or reordered.

    An event that was lost until now counts as arrived before the ring says that it is not missing any more.
    """
    account, ring = accounts.numbers[row], accounts.rings[row]
    reached, reordered = account.next, 0
    known = max(first, min(end, reached - len(ring)))
    for number in range(known, end):
        place = number & len(ring) - 1
        word = int64(ring[place])
        if word:
            account.arrived += 1
            fence()
            ring[place] = 0
            reordered += 1
            accounts.lost[row, abs(word) - 1] -= 1
            if word < 0:
                account.lost_in_socket -= 1
                accounts.lost_in_socket[row, -word - 1] -= 1
            record_one(account.depth, reached - 1 - number, 1)
    late, duplicated = known - first, end - known - reordered
    account.open -= reordered
    accounts.arrived[row, interval] += reordered
    account.late += late
    accounts.late[row, interval] += late
    account.duplicated += duplicated
    accounts.duplicated[row, interval] += duplicated
    account.reordered += reordered
    accounts.reordered[row, interval] += reordered


@kernel
def pass_over(accounts: Accounts, row: int, first: int, end: int, interval: int, chargeable: int) -> None:
    """Count numbers as lost, since a higher one came first; some of them may be charged to the socket."""
    account, ring = accounts.numbers[row], accounts.rings[row]
    dropped = charged_events(end - first, chargeable, accounts.uncharged[0])
    accounts.uncharged[0] -= dropped
    accounts.lost[row, interval] += end - first
    accounts.lost_in_socket[row, interval] += dropped
    account.lost_in_socket += dropped
    known = max(first, end - len(ring))
    forget(account, ring, known, end)
    account.open += end - known
    for number in range(known, end):
        ring[number & len(ring) - 1] = -interval - 1 if number < first + dropped else interval + 1


@kernel
def forget(account: Any, ring: NDArray[np.int32], first: int, end: int) -> None:
    """Let the numbers WINDOW before these leave the ring; those still missing are lost for good."""
    if account.open:
        for number in range(max(first, end - len(ring)), end):
            if ring[number & len(ring) - 1]:
                account.open -= 1
                ring[number & len(ring) - 1] = 0
