"""How are instants written? As `2026-11-26T14:00:00Z`, or as `+10s` from now. Pure: the present is an argument."""

from datetime import UTC, datetime, timedelta
from typing import Final

from captures.console.units import format_duration, parse_duration_ns
from replay.clock import MICROSECOND_NS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLE: Final = "2026-11-26T14:00:00Z, 2026-11-26T15:00:00+01:00 or +10s"


def parse_instant(text: str, now_ns: int) -> int:
    """Nanoseconds since 1970 of an instant in the future, exact to the microsecond.

    Raises ValueError with a line that says what is wrong and gives an example.
    """
    text = text.strip()
    at_ns = now_ns + parse_duration_ns(text[1:]) if text.startswith("+") else _absolute_ns(text)
    if at_ns < now_ns:
        raise ValueError(f"{text} is over by {format_duration(now_ns - at_ns)}; write an instant to come, like +10s")
    return at_ns


def _absolute_ns(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an instant; write it like {_EXAMPLE}") from None
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} does not say its zone; write it like {_EXAMPLE}")
    return (instant - _EPOCH) // timedelta(microseconds=1) * MICROSECOND_NS
