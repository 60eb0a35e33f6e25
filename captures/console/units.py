"""Counts, sizes, durations, speeds and shares as people write them: `4M`, `2GiB`, `8h30m`, `0.5%`. One parser for all.

The kind of a value says what a letter means: a count has millions and no minutes, so `4m` are four million; a duration
has minutes, so `4m` are four of them. A size keeps the case of its units, which tells bytes from bits elsewhere.
"""

import re
from fractions import Fraction
from textwrap import fill
from typing import Final

SECOND_NS: Final = 1_000_000_000

_COUNT_UNITS: Final = {"": 1} | dict.fromkeys("kK", 10**3) | dict.fromkeys("mM", 10**6) | dict.fromkeys("gG", 10**9)
_SIZE_UNITS: Final = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_DURATION_UNITS_NS: Final = {
    name: unit_ns
    for names, unit_ns in (
        ("ns nsec nsecs", 1),
        ("µs us usec usecs", 10**3),
        ("ms msec msecs", 10**6),
        ("s sec secs second seconds", 10**9),
        ("m min mins minute minutes", 60 * 10**9),
        ("h hr hrs hour hours", 3600 * 10**9),
        ("d day days", 86400 * 10**9),
    )
    for name in names.split()
}
_LETTERS: Final = re.compile(r"([\d.]+)\s?([kKmMgGtT])")
"""Matches a size like 5G, whose letter does not say whether it is decimal or binary."""
_MOST: Final = (1 << 62) - 1
"""The largest value, in the smallest unit: the sum of two fits 64 bits. As nanoseconds it is 146 years."""
_SPEED: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_SHARE: Final = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s?%?")
_NUMBER: Final = re.compile(r"(\d{1,18})(?:\.(\d{1,9}))?\s?([A-Za-zµ]*)")


def _scale(text: str, units: dict[str, int], what: str, example: str) -> int:
    """`text` as an integer of the smallest unit, exact: no float is involved."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or match[3] not in units:
        raise ValueError(f"{text!r} is not a {what}; write it like {example}")
    whole, fraction, unit = match[1], match[2] or "", match[3]
    one: int = 10 ** len(fraction)
    value, rest = divmod(int(whole + fraction) * units[unit], one)
    if rest:
        raise ValueError(f"{text!r} is not a whole number; write the {what} like {example}")
    if value > _MOST:
        raise ValueError(f"{text!r} is too much; write a smaller {what}, like {example}")
    return value


def parse_count(text: str) -> int:
    """A count or a rate: `500`, `1.5k`, `4M`, `2g`. Raises ValueError with a line that gives an example."""
    return _scale(text, _COUNT_UNITS, "count", "500, 250k, 4M or 1.5G")


def parse_size(text: str) -> int:
    """A size in bytes: `700MB` (decimal), `2GiB` (binary). Raises ValueError with an example.

    A lone letter is refused, for other programs take `250k` for either.
    """
    if match := _LETTERS.fullmatch(text.strip()):
        number, letter = match[1], match[2].upper()
        decimal = "k" if letter == "K" else letter
        raise ValueError(f"{text!r} may be decimal or binary; write {number}{decimal}B or {number}{letter}iB")
    return _scale(text, _SIZE_UNITS, "size", "700MB or 2GiB")


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of `10s`, `8h30m`, `500ms`, `10sec` or plain seconds. Raises ValueError with an example."""
    example = "10s, 500ms or 8h30m"
    text = text.strip()
    if re.fullmatch(r"\d{1,18}(\.\d{1,9})?", text):
        return _scale(text + "s", _DURATION_UNITS_NS, "duration", example)
    parts = re.findall(r"\d+(?:\.\d+)?[a-zµ]+", text)
    if not parts or "".join(parts) != text:
        raise ValueError(f"{text!r} is not a duration; write it like {example}")
    whole_ns = sum(_scale(part, _DURATION_UNITS_NS, "duration", example) for part in parts)
    if whole_ns > _MOST:
        raise ValueError(f"{text!r} is too much; write a smaller duration, like {example}")
    return whole_ns


def parse_speed(text: str) -> Fraction:
    """A multiple of a pace, above 0 and exact: `1`, `10`, `0.5`. Raises ValueError with an example."""
    speed = Fraction(text.strip()) if _SPEED.fullmatch(text.strip()) else Fraction(0)
    if not speed:
        raise ValueError(f"{text!r} is not a speed; write it like 1, 10 or 0.5")
    return speed


def parse_share(text: str) -> Fraction:
    """A part of a whole, written `0.5%`, exact. Raises ValueError with an example."""
    match = _SHARE.fullmatch(text.strip())
    share = Fraction(match[1]) / 100 if match and ("%" in text or not Fraction(match[1])) else Fraction(-1)
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no share; write it like 0.5%")
    return share


def counted(count: int, one: str, width: int = 0) -> str:
    """A count with its noun for people, `1 port` or `40,000 events`; `one` is the noun in the singular."""
    return f"{count:>{width},} {one}{'' if count == 1 else 's'}"


def fitted(row: str, indent: int = 12) -> str:
    """Fold a row to 80 columns; the lines after its first are indented."""
    return fill(row, 80, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def shortened(text: str, behind: int) -> str:
    """`text` as the last cell of a row in 80 columns, of which `behind` are taken; ten characters are always left."""
    room = max(80 - behind, 10)
    return text if len(text) <= room else text[: room - 3] + "..."


def format_count(value: float) -> str:
    """A count or a rate for people: `999`, `250.0k`, `4.00M`, `1.50G`."""
    for unit, digits in (("", 0), ("k", 1), ("M", 2)):
        scaled = round(value / _COUNT_UNITS[unit], digits)
        if abs(scaled) < 1000:
            return f"{scaled:.{digits}f}{unit}"
    return f"{value / 10**9:.2f}G"


def format_share(part: int, whole: int) -> str:
    """A part of a whole in percent for people, which is never rounded down to nothing: `0.72%`, `under 0.01%`."""
    percent = 100 * part / max(whole, 1)
    return f"{percent:.2f}%" if percent >= 0.005 or not part else "under 0.01%"


def format_size(value: float) -> str:
    """A size in bytes for people, in binary units: `512 B`, `1.5 MiB`."""
    for unit, digits in (("B", 0), ("KiB", 1), ("MiB", 1), ("GiB", 1)):
        scaled = round(value / _SIZE_UNITS[unit], digits)
        if abs(scaled) < 1024:
            return f"{scaled:.{digits}f} {unit}"
    return f"{value / 2**40:.1f} TiB"


def format_duration(duration_ns: int) -> str:
    """A duration for people, as `parse_duration_ns` reads it: `8h30m`, `12.5s`, `500ms`, `120µs`."""
    for unit, longer in (("ns", "µs"), ("µs", "ms"), ("ms", "s")):
        if 0 < duration_ns < _DURATION_UNITS_NS[longer]:
            return f"{duration_ns / _DURATION_UNITS_NS[unit]:.9g}{unit}"
    parts, rest_ns = [], duration_ns
    for unit in ("d", "h", "m"):
        whole, rest_ns = divmod(rest_ns, _DURATION_UNITS_NS[unit])
        parts += [f"{whole}{unit}"] * bool(whole)
    return "".join(parts) + (f"{rest_ns / _DURATION_UNITS_NS['s']:.9g}s" if rest_ns or not parts else "")
