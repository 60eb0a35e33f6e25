"""What of the machine's time went to others: without it, no rate can be judged."""

from typing import Any


def stolen_percent(before: Any, after: Any) -> float:
    """The share of all cores' time that the host gave to others (`steal` of proc_stat(5)), between two looks."""
    spent_s = [end - start for start, end in zip(before, after, strict=True)]
    # The kernel counts a guest's time in user and nice already.
    whole_s = sum(spent_s) - (after.guest - before.guest) - (after.guest_nice - before.guest_nice)
    return float(100 * (after.steal - before.steal) / whole_s) if whole_s > 0 else 0.0
