"""A port's account, fed stretch by stretch."""

import numpy as np

from replay.sink.number_account import NUMBERS, PLANES
from replay.sink.verify.certain_numbers import accounts_in
from replay.sink.verify.event_numbers import take


class Account:
    """The account of a row of a tally."""

    def __init__(self, tally, row):
        self.accounts, self.row = accounts_in(tally.numbers, tally.rings, tally.planes), row

    def take(self, first, count, interval, chargeable, uncharged):
        return take(self.accounts, self.row, first, count, interval, chargeable, uncharged)


class EventNumbers(Account):
    """The account in `row`, NUMBERS of shape (1,), `ring`, and `planes` of one row."""

    def __init__(self, row, ring, planes):
        self.accounts = accounts_in(row, ring[None], {name: plane[None] for name, plane in planes.items()})
        self.row = 0


def new(window, intervals):
    """The arrays of a new account."""
    row, ring = np.zeros(1, NUMBERS), np.zeros(window, np.int32)
    return row, ring, {name: np.zeros(intervals, np.int64) for name in PLANES}
