"""What do tags say, and how are they written? They name an event's run, its port, and its number on that port.

A lane numbers its events in the order in which it sends them, so the numbers of a train are consecutive. The heads of
their tags are one text for the whole train, and the tails are a slice of a table: two strided assignments write both.
The numbers count the lane's events from the start of the run, which the board knows. So a worker that replaces another
one goes on with the next number.
"""

import re
import secrets

from captures.format.tags import (
    MAX_RUN,
)


def new_run() -> int:
    """A random number for a run, which hardly any other run has."""
    return secrets.randbelow(MAX_RUN) + 1


def run_text(run: int) -> str:
    """A run's number as it is written in tags and reports."""
    return f"{run:08x}"


def parse_run(text: str) -> int:
    """The number of a run from a text like `1f3a9c07`. Raises ValueError with an example."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}", text.strip()) or not (run := int(text, 16)):
        raise ValueError(f"{text!r} is no id of a run; write eight hexadecimal digits, not all 0, like 1f3a9c07")
    return run
