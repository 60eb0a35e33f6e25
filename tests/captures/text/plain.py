"""What an event says, in plain Python."""

import re

from captures.format.stamps.kinds import STAMP_WIDTHS, Date, Ending, StampKind
from tests.captures.format.stamps.plain import NAMES, plain_stamp

BOM = b"\xef\xbb\xbf"
WORD = rb"[0-9A-Za-z_]"
DAY_NS = 86_400 * 10**9
LEVELS = b"INFO WARN WARNING ERROR DEBUG TRACE FATAL NOTICE CRITICAL SEVERE FINE".split()
HOST = re.compile(rb"[0-9A-Za-z._:%-]{1,255}", re.DOTALL)


def front_of(event):
    """Priority, version, and where the stamp should begin."""
    at = 3 if event.startswith(BOM) else 0
    priority, version = -1, 0
    if (match := re.match(rb"<(\d{1,3})>", event[at:])) and int(match[1]) <= 191:
        priority = int(match[1])
        at += match.end()
    if event[at:].startswith(BOM):
        at += 3
    if priority >= 0 and (match := re.match(rb"([1-9]\d{0,2}) (?=....-|-(?: |\Z))", event[at:], re.DOTALL)):
        version = int(match[1])
        at += match.end()
    return priority, version, at


def plain_find(event, reference_ns, zone_minutes=0, fields=4):
    """Priority, version, (column, kind, zone, instant) of each stamp, and the host, b"" if there is none."""
    priority, version, front = front_of(event)
    found, host, low = [], b"", front
    at = front + 1 if event[front : front + 1] in (b"*", b".") else front
    kind, zone, instant_ns = plain_stamp(event[at:], reference_ns, zone_minutes)
    if kind:
        found.append((at, kind, zone, instant_ns))
        low = at + STAMP_WIDTHS[kind]
        if version:
            host = field(event[low:])
        elif priority >= 0 or names_host(kind):
            host = behind(event[low:], kind)
    elif version and event[front : front + 1] == b"-":
        host = field(event[front + 1 :])
    at = low
    while at < len(event) and len(found) < fields:
        kind, zone, instant_ns = scanned(event, at, low, reference_ns, zone_minutes)
        if not kind:
            at += 1
            continue
        if not found and priority >= 0 and not version and in_months(kind):
            host = before(event[front:at])
        found.append((at, kind, zone, instant_ns))
        low = at = at + STAMP_WIDTHS[kind]
    return priority, version, found, host


def scanned(event, at, low, reference_ns, zone_minutes):
    """The stamp at a place that is not the front."""
    last = event[at - 1 : at] if at > low else b""
    if re.fullmatch(WORD, last):
        return 0, 0, 0
    kind, zone, instant_ns = plain_stamp(event[at:], reference_ns, zone_minutes)
    if not kind:
        return 0, 0, 0
    if kind.style.date == Date.EPOCH and (last in (b"-", b".", b"/") or abs(instant_ns - reference_ns) >= DAY_NS):
        return 0, 0, 0
    if kind.style.date == Date.MONTH_DAY and at - 5 >= low and re.fullmatch(rb"\d ", event[at - 2 : at]):
        return 0, 0, 0  # of a date with the year in front
    return kind, zone, instant_ns


def in_months(kind):
    return kind.style.date in (Date.MONTH_DAY, Date.MONTH_DAY_YEAR)


def names_host(kind):
    style = StampKind(kind).style
    return in_months(kind) or (style.date == Date.ISO and style.separator == "T" and style.ending == Ending.COLON)


def field(text):
    match = re.match(rb" ([^ ]{1,255})(?= |\Z)", text, re.DOTALL)
    return match[1] if match and match[1] != b"-" else b""


def behind(text, kind):
    if StampKind(kind).style.ending == Ending.NOTHING:
        text = text[re.match(rb"[^ :]{0,10}", text, re.DOTALL).end() :]
        if (name := re.match(rb" ([A-Z]{3}[A-Z]?)(?![0-9A-Za-z_])", text)) and name[1].decode() in NAMES:
            text = text[re.match(rb" [^ ]*", text, re.DOTALL).end() :]
    if forwarded := re.match(rb" Message forwarded from ([^ ]*):(?= |\Z)", text, re.DOTALL):
        return host_in(forwarded[1])
    if text.startswith(b" Message forwarded from "):
        return b""
    match = re.match(rb" ([^ ]{1,255}) ", text, re.DOTALL)
    return host_in(match[1]) if match else b""


def before(text):
    match = re.fullmatch(rb"\d{1,20}: ([0-9A-Za-z_][^ ]*): .?", text, re.DOTALL)
    return host_in(match[1]) if match else b""


def host_in(word):
    chained = not HOST.fullmatch(word)
    if chained:
        word = word.rpartition(b"@")[2].partition(b"/")[0]
        if re.fullmatch(rb"\[.+\]", word, re.DOTALL):
            word = word[1:-1]
    good = HOST.fullmatch(word) and not word.endswith(b":") and not word.startswith(b"%")
    return word if good and (chained or word not in LEVELS) else b""
