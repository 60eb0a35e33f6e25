"""Stamps in plain Python: regular expressions and the calendar of the standard library."""

import re
from datetime import UTC, datetime, timedelta

from captures.format.stamps.kinds import Date, Ending, StampKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTH = rf"(?P<name>{'|'.join(MONTHS)})"
_DAY = r"(?P<day> [1-9]|[1-9]\d)"
DATES = {
    Date.ISO: r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?P<separator>[T ])",
    Date.SLASHED: r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)(?P<separator> )",
    Date.MONTH_DAY: rf"{_MONTH} {_DAY}(?P<separator> )",
    Date.MONTH_DAY_YEAR: rf"{_MONTH} {_DAY} (?P<year>\d{{4}})(?P<separator> )",
    Date.YEAR_MONTH_DAY: rf"(?P<year>\d{{4}}) {_MONTH} {_DAY}(?P<separator> )",
    Date.CLF: rf"(?P<day>\d\d)/{_MONTH}/(?P<year>\d{{4}})(?P<separator>:)",
}
TIME = r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):(?P<second>[0-5]\d)(?!\d)(?P<fraction>[.,]\d{1,20})?+"
ENDINGS = {
    Ending.ZULU: r"Z(?!\w)",
    Ending.COLON: r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d)(?!\w)",
    Ending.PLAIN: r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3])(?P<minutes>[0-5]\d)(?!\w)",
    Ending.APART: r" (?P<sign>[+-])(?P<hours>[01]\d|2[0-3])(?P<minutes>[0-5]\d)(?!\w)",
    Ending.YEAR: r" (?P<year>(?:19[789]|20\d|21\d)\d)(?![\w./-])",
}
NAMES = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 60,
    "BST": 60,
    "CET": 60,
    "CEST": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "JST": 540,
    "KST": 540,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
}
KINDS = {kind.style: kind for kind in StampKind if kind}


def nearest_year(month, day, reference_ns):
    """The year in which the date is nearest to the instant; of two that are as near, the earlier."""
    today = EPOCH + timedelta(days=reference_ns // 86_400_000_000_000)
    years = [year for year in range(max(today.year - 8, 1970), min(today.year + 9, 2262)) if exists(year, month, day)]
    return min(years, key=lambda year: abs(datetime(year, month, day, tzinfo=UTC) - today), default=0)


def exists(year, month, day):
    try:
        return bool(datetime(year, month, day, tzinfo=UTC))
    except ValueError:
        return False


def plain_stamp(text, reference_ns=0, zone_minutes=0):
    """Kind, zone and instant of the stamp at the front of a text of bytes; (0, 0, 0): there is none."""
    text = text.decode("latin-1")
    for date, pattern in DATES.items():
        if match := re.match(pattern + TIME, text, re.ASCII):
            return dated(date, match, text[match.end() :], reference_ns, zone_minutes)
    return counted(text)


def counted(text):
    """A number of seconds since 1970, and so on."""
    for digits, mark in ((0, ""), (3, ""), (6, ""), (9, "")):
        if digits and re.match(rf"1\d{{{9 + digits}}}(?![\w-])", text, re.ASCII):
            number = text[: 10 + digits]
            return KINDS[Date.EPOCH, "", digits, mark, Ending.NOTHING], 0, int(number) * 10 ** (9 - digits)
        match = re.match(r"1\d{9}(?!\d)(?P<fraction>\.\d{1,20})?+(?![\w-])", text, re.ASCII)
        if match and not digits:
            fraction = (match["fraction"] or ".")[1:]
            kept = 6 if len(fraction) >= 6 else 3 if len(fraction) >= 3 else 0
            kind = KINDS[Date.EPOCH, "", kept, "." if kept else "", Ending.NOTHING]
            return kind, 0, int(text[:10]) * 10**9 + int(fraction[:kept].ljust(9, "0"))
    return 0, 0, 0


def dated(date, match, rest, reference_ns, zone_minutes):
    """A date and a time, and what stands behind it."""
    found = match.groupdict()
    month = MONTHS.index(found["name"]) + 1 if "name" in found else int(found["month"])
    day = int(found["day"])
    year = int(found["year"]) if "year" in found else nearest_year(month, day, reference_ns)
    if not 1970 <= year <= 2261 or not exists(year, month, day):
        return 0, 0, 0
    all_digits = (found["fraction"] or ".")[1:]
    mark = (found["fraction"] or "")[:1]
    digits = min(len(all_digits) // 3 * 3, 9)
    whole = len(all_digits) == digits
    ending, known = Ending.NOTHING, None
    for each, pattern in ENDINGS.items():
        if behind := re.match(pattern, rest, re.ASCII):
            if each == Ending.YEAR:
                if date == Date.MONTH_DAY and not all_digits and exists(int(behind["year"]), month, day):
                    ending, year = each, int(behind["year"])
                continue
            ending, known = each, 0
            if each != Ending.ZULU:
                known = (int(behind["hours"]) * 60 + int(behind["minutes"])) * (-1 if behind["sign"] == "-" else 1)
    if known is None and (name := re.match(r" ([A-Z]{3}[A-Z]?)(?!\w)", rest, re.ASCII)):
        known = NAMES.get(name[1])
    zone = zone_minutes if known is None else known
    style = kept_style(date, found["separator"], digits, mark, ending if whole else Ending.NOTHING)
    at = datetime(year, month, day, int(found["hour"]), int(found["minute"]), int(found["second"]), tzinfo=UTC)
    second = (at - EPOCH) // timedelta(seconds=1) - 60 * zone
    if second < 0:
        return 0, zone, second * 10**9 + int(all_digits[: style[2]].ljust(9, "0"))
    return KINDS[style], zone, second * 10**9 + int(all_digits[: style[2]].ljust(9, "0"))


def kept_style(date, separator, digits, mark, ending):
    """The style of a kind that has most of this one."""
    for less in range(digits, -1, -3):
        kept_mark = mark if less else ""
        for kept in ([ending] if less == digits else []) + [Ending.NOTHING]:
            if (date, separator, less, kept_mark, kept) in KINDS:
                return date, separator, less, kept_mark, kept
    raise AssertionError
