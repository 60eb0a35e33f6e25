"""Events with sound stamps of every form and with mangled ones, and the plain way of reading them."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from captures.compiled.words import words_of
from replay.sink.verify.stamp_reading import BAD_US, COARSE_US

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)
RFC3164 = re.compile(r"[A-Z][a-z]{2} ([1-3]| )\d \d\d:\d\d:\d\d", re.ASCII)


def plain_stamp_us(event):
    """By the definition, with the standard library's parsers: slow and clear."""
    for column in (4, 3, 2):
        if event[column : column + 1] == b">":
            text = event[column + 1 :].decode("latin-1")
            return plain_text_us(text.removeprefix("1 "), version=text.startswith("1 "))
    return BAD_US


def plain_text_us(text, *, version):
    try:
        if match := RFC3339.match(text):
            instant = datetime.fromisoformat(match[0])
            return (instant - EPOCH) // timedelta(microseconds=1) if match[1] else COARSE_US
        if (match := RFC3164.match(text)) and not version:
            datetime.strptime(f"2000 {match[0]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
            return COARSE_US
    except ValueError:
        pass
    return BAD_US


INSTANT = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - always meant as UTC
PRIORITY = st.sampled_from([b"<6>", b"<13>", b"<191>", b"<13>1 "])


@st.composite
def stamps(draw):
    """A sound stamp."""
    instant = draw(INSTANT)
    if draw(st.integers(0, 3)) == 0:
        return f"{instant:%b} {instant.day:2} {instant:%H:%M:%S}".encode()
    zone = draw(st.sampled_from([b"Z", b"+02:00", b"-05:30", b"-00:00"]))
    digits = draw(st.sampled_from([0, 3, 6, 3, 6, 1, 2, 4, 5]))
    return instant.isoformat(timespec="microseconds")[: 20 + digits if digits else 19].encode() + zone


SOUND = st.tuples(PRIORITY, stamps(), st.binary(max_size=8)).map(b"".join)


@st.composite
def mangled(draw):
    """An event with some bytes replaced by ones that are likely to matter."""
    event = bytearray(draw(SOUND))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(event) - 1))
        event[at] = draw(st.sampled_from(b"0123456789->:T.Z< +\xff"))
    return bytes(event)


EVENT = st.one_of(SOUND, mangled(), st.binary(max_size=45))


def laid_out(event, behind=b"0:Z-"):
    """A buffer with an event from byte 1 on and misleading bytes around it, and its view by `words_of`."""
    buffer = np.frombuffer(b">" + event + behind * 16, np.uint8).copy()
    return buffer, words_of(buffer)
