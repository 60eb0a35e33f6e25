"""What may a request from Python hold? What no flag could say is refused here, in the words of its flag.

A type checker would find most of it, but nobody has to run one; a wrong type would end in a traceback, or in a run that
is another than the one asked for.
"""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from numbers import Rational
from pathlib import Path
from typing import TypeVar

from captures.console.errors import InputError
from replay.ranges import format_ports, parse_ports

Choice = TypeVar("Choice", bound=StrEnum)


def check_whole(flag: str, value: object) -> None:
    """Refuse what is no whole number: a float may be rounded anywhere. Raises InputError."""
    if type(value) is not int:
        raise InputError(f"{flag} {value!r}: a whole number is needed")


def check_within(flag: str, value: int | None, least: int, most: int) -> None:
    """Refuse a value that a flag could not have; None: none was given. Raises InputError."""
    if value is None:
        return
    check_whole(flag, value)
    if not least <= value <= most:
        raise InputError(f"{flag} {value}: {least} to {most} are possible")


def check_time(flag: str, time_ns: int | None) -> None:
    """Refuse what is no time in nanoseconds; None: none was given. Raises InputError."""
    if time_ns is not None and (type(time_ns) is not int or time_ns < 0):
        raise InputError(f"{flag}: {time_ns!r} ns is no time")


def check_share(flag: str, share: Fraction | None) -> None:
    """Refuse what is no exact part of a whole; None: none was given. Raises InputError."""
    if share is None:
        return
    if not isinstance(share, Rational):
        raise InputError(f"{flag} {share!r}: a share is exact; write it like Fraction(1, 100)")
    if not 0 <= share <= 1:
        raise InputError(f"{flag} {float(share):g}: a share is 0 to 1, and 0.01 is 1%")


def check_ports(ports: Sequence[int]) -> tuple[int, ...]:
    """The ports of a request, which must be such as `parse_ports` reads. Raises InputError."""
    if not isinstance(ports, Sequence) or any(type(port) is not int for port in ports):
        raise InputError(f"--ports {ports!r}: give the numbers themselves, like (514, 515) or range(514, 554)")
    try:
        return parse_ports(format_ports(tuple(ports)))
    except ValueError as error:
        raise InputError(f"--ports: {error}") from None


def check_path(flag: str, path: Path | None, *, needed: bool = False) -> None:
    """Refuse what is no Path; None, unless it is `needed`: no file was given. Raises InputError."""
    check_type(flag, path, Path, "Path('a.json')", needed=needed)


def check_part(name: str, value: object, kind: type) -> None:
    """Refuse a part of a request that is none of its kind, such as a number of workers alone. Raises InputError."""
    check_type(name, value, kind, f"{kind.__name__}(...)", needed=True)


def check_type(flag: str, value: object, kind: type, example: str, *, needed: bool = False) -> None:
    """Refuse a value of another type; None, unless one is `needed`: none was given. Raises InputError."""
    if (needed or value is not None) and not isinstance(value, kind):
        raise InputError(f"{flag} {value!r}: write it like {example}")


def checked_choice(flag: str, value: str, choices: type[Choice]) -> Choice:
    """The choice that a value is, or that a plain text names. Raises InputError."""
    try:
        return choices(value)
    except ValueError:
        raise InputError(f"{flag} {value!r}: choose one of {', '.join(choices)}") from None
