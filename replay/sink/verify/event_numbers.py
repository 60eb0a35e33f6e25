"""What became of a port's events, by their numbers: lost, duplicated, reordered or late? In bounded memory.

A run numbers the events of each port from 0. An event is *reordered* if it arrives after one with a higher number
(RFC 4737, section 3.3); its depth is how far the highest number was ahead of it. A number that is passed over is lost
in the interval in which that is noticed, and not lost any more when it arrives after all.

A number beyond the next one is a *leap*. One damaged digit makes a leap, too, so it is believed only when it goes on:
GOES_ON events with rising numbers from it on, each within WINDOW of the one before, and more of them than the stream
has gone on below meanwhile. Until then it is *held*.
When the stream comes to a held number from below and goes on behind it, the event was early, and what came in between
is reordered; when the number comes again, it came twice.

The last WINDOW numbers are remembered (`replay.sink.number_account`). A number that comes later than that is
*late*: it may be a duplicate or the lost one, so it stays lost. As long as no number of the ring is missing, and no
held number is near, an arrival only raises the counts.

The kernels take their arguments as those of `replay.sink.verify.certain_numbers` do, which count what is believed.
"""

from typing import Any, Final

from captures.compiled.kernel import kernel
from replay.histogram import record_one
from replay.sink.number_account import MOST_HELD
from replay.sink.verify.certain_numbers import Accounts, go_on, take_certain

GOES_ON: Final = 4
"""So many events are needed to believe a leap: damage would have to change as many in the same way."""


@kernel
def take(accounts: Accounts, row: int, first: int, count: int, interval: int, chargeable: int, uncharged: int) -> int:
    """Count the arrival of `count` events from number `first` on, in one go and less than WINDOW.

    `chargeable` is how many lost events may be charged to the socket for a gap that is noticed now, and `uncharged`
    for any gap (`replay.sink.verify.socket_charge`). Returns how many were charged.
    """
    account = accounts.numbers[row]
    if first == account.next and not account.open and (not account.held or first + count <= account.nearest):
        go_on(accounts, row, first + count, count, interval)
        return 0
    before: int = account.lost_in_socket
    accounts.uncharged[0] = uncharged
    take_early(accounts, row, first, interval)
    if first <= account.next or (count >= GOES_ON and not account.held):
        take_certain(accounts, row, first, count, interval, chargeable)
    else:
        begin, events = take_twice(accounts, row, first, count, interval)
        if events:
            hold(account, begin, events, interval, chargeable)
            believe(accounts, row, interval)
    take_overtaken(accounts, row, interval)
    charged: int = account.lost_in_socket - before
    return max(0, charged)


@kernel
def hold(account: Any, first: int, count: int, interval: int, chargeable: int) -> None:
    """Hold a leap until it is known whether it is real or damage."""
    if account.held:
        last = account.holds[account.held - 1]
        if last.first + last.events == first and last.interval == interval:
            last.events += count
            return
    if account.held == MOST_HELD:
        account.stray += account.holds[0].events
        chargeable += account.holds[0].chargeable
        release(account, 1)
    new = account.holds[account.held]
    new.first, new.events, new.interval, new.chargeable = first, count, interval, chargeable
    new.reached, new.in_order = account.next, account.arrived - account.reordered
    account.nearest = min(account.nearest, first) if account.held else first
    account.held += 1


@kernel
def release(account: Any, which: int) -> None:
    """Remove some of the rows that are held: those whose bits are set in `which`."""
    kept, nearest = 0, 0
    for place in range(account.held):
        if not which >> place & 1:
            row, to = account.holds[place], account.holds[kept]
            to.first, to.events, to.interval, to.chargeable = row.first, row.events, row.interval, row.chargeable
            to.reached, to.in_order = row.reached, row.in_order
            nearest = min(nearest, to.first) if kept else to.first
            kept += 1
    for place in range(kept, account.held):
        row = account.holds[place]
        row.first = row.events = row.interval = row.chargeable = row.reached = row.in_order = 0
    account.nearest, account.held = nearest, kept


@kernel
def take_twice(accounts: Accounts, row: int, first: int, count: int, interval: int) -> tuple[int, int]:
    """Count leaping numbers that are held already as having come twice; returns the others: the first, and how many.

    Where it can be chosen, the later one is kept: the earlier one was out of place. So no number is held twice.
    """
    account = accounts.numbers[row]
    begin, end, within, twice = first, first + count, 0, 0
    for place in range(account.held):
        held = account.holds[place]
        held_end = held.first + held.events
        if first <= held.first and held_end <= first + count:
            within |= 1 << place
            twice += held.events
        elif held.first < first < held_end:
            begin = max(begin, held_end)
        elif first <= held.first < first + count:
            end = min(end, held.first)
    release(account, within)
    left = max(0, end - begin)
    twice += count - left
    account.duplicated += twice
    accounts.duplicated[row, interval] += twice
    return begin, left


@kernel
def believe(accounts: Accounts, row: int, interval: int) -> None:
    """Count the leaps that are believed, because held numbers up to the last one go on from them.

    Behind a leap that is believed there must be events enough: the last ones of a chain stay held, since one of
    them may be damaged.
    """
    account, chain, window = accounts.numbers[row], accounts.chain, accounts.rings.shape[1]
    last = account.holds[account.held - 1]
    linked, uncertain, believed, events, lowest = 0, 0, 0, 0, last.first + last.events
    for place in range(account.held - 1, -1, -1):
        held = account.holds[place]
        held_end = held.first + held.events
        if held_end <= lowest <= held_end + window:
            chain[linked] = place
            linked, events, lowest = linked + 1, events + held.events, held.first
            uncertain += events < GOES_ON
            if events >= GOES_ON and events > account.next - held.reached:
                believed = linked
    while 0 < uncertain < believed:
        held = account.holds[chain[uncertain]]
        if account.holds[chain[uncertain - 1]].first != held.first + held.events:
            break
        uncertain -= 1  # what follows without a gap is no leap
    if believed:
        count_leaps(accounts, row, uncertain, believed, interval)


@kernel
def count_leaps(accounts: Accounts, row: int, uncertain: int, believed: int, interval: int) -> None:
    """Count held rows, a part of the chain, by rising numbers; for rows that stay held, gaps do not count as progress.

    The chain lists the rows by falling numbers.
    """
    account, before, counted = accounts.numbers[row], accounts.numbers[row].next, 0
    take_reordered(accounts, row, accounts.chain[believed - 1], interval)
    which = 0
    for link in range(believed - 1, uncertain - 1, -1):
        place = accounts.chain[link]
        take_held(accounts, row, place, account.holds[place].interval, account.holds[place].chargeable)
        counted += account.holds[place].events
        which |= 1 << place
    passed_over = account.next - before - counted
    release(account, which)
    for place in range(account.held):
        account.holds[place].reached += passed_over


@kernel
def take_held(accounts: Accounts, row: int, place: int, interval: int, chargeable: int) -> None:
    """Count the events that are held at `place`, which came before those held behind it."""
    account = accounts.numbers[row]
    held = account.holds[place]
    take_certain(accounts, row, held.first, held.events, interval, chargeable)
    for later in range(place + 1, account.held):
        account.holds[later].in_order += held.events


@kernel
def take_early(accounts: Accounts, row: int, first: int, interval: int) -> None:
    """Count held events that the stream has come to from below, and behind which it goes on with `first`."""
    account = accounts.numbers[row]
    while account.held and account.nearest == account.next and account.next < first:
        place = 0
        while account.holds[place].first != account.next:
            place += 1
        take_reordered(accounts, row, place, interval)
        take_held(accounts, row, place, interval, 0)
        release(account, 1 << place)


@kernel
def take_overtaken(accounts: Accounts, row: int, interval: int) -> None:
    """Count held events whose numbers lie below what has arrived: they are the missing ones, or come twice."""
    account = accounts.numbers[row]
    while account.held and account.nearest < account.next:
        reached, overtaken = account.next, 0
        for place in range(account.held):
            held = account.holds[place]
            if held.first < reached:
                overtaken |= 1 << place
                take_certain(accounts, row, held.first, held.events, interval, 0)
        release(account, overtaken)


@kernel
def take_reordered(accounts: Accounts, row: int, place: int, interval: int) -> None:
    """Count events as reordered that came after the early one held at `place`, which is now certain."""
    account = accounts.numbers[row]
    early = account.holds[place]
    below = account.arrived - account.reordered - early.in_order
    if below > 0:
        highest = early.reached + min(below, early.first - early.reached, accounts.rings.shape[1])
        for number in range(early.reached, highest):
            record_one(account.depth, early.first - number, 1)
        account.reordered += below
        accounts.reordered[row, interval] += below
        for later in range(place + 1, account.held):
            account.holds[later].in_order = early.in_order
