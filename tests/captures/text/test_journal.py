"""Entries of a journal become the lines that a plain reading of the format makes of them."""

import io
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures.text.journal as journal_module
from captures.text.journal import Journal
from tests.captures.text.test_lines import texts

TIME_US = 1_756_548_930_123_456


def entry(fields):
    """An entry as systemd writes it: a value with control characters, or not of UTF-8, has its size before it."""
    raw = b""
    for name, value in fields.items():
        binary = any(byte < 32 and byte != 9 for byte in value)
        raw += name.encode() + (b"\n" + struct.pack("<Q", len(value)) if binary else b"=") + value + b"\n"
    return raw + b"\n"


def word(value, longest):
    return bytes(byte if 32 < byte < 127 else 95 for byte in value[:longest]) or b"-"


def plain_line(fields, *, modern):
    """The line of an entry; None: it is no event."""
    time = fields.get("__REALTIME_TIMESTAMP", b"")
    if "MESSAGE" not in fields or not time.isdigit():
        return None
    facility, severity = fields.get("SYSLOG_FACILITY", b""), fields.get("PRIORITY", b"")
    facility = int(facility) if facility.isdigit() and int(facility) < 24 else 1
    severity = int(severity) if severity.isdigit() and int(severity) < 8 else 6
    at = datetime.fromtimestamp(int(time) // 10**6, UTC)
    host = word(fields.get("_HOSTNAME", b""), 255)
    name = word(fields.get("SYSLOG_IDENTIFIER") or fields.get("_COMM", b""), 48)
    process = fields.get("SYSLOG_PID") or fields.get("_PID", b"")
    if modern:
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{int(time) % 10**6:06}Z".encode()
        head = b"<%d>1 %s %s %s %s - - " % (8 * facility + severity, stamp, host, name, word(process, 128))
    else:
        stamp = f"{at:%b} {at.day:2} {at:%H:%M:%S}".encode()
        of = b"[%s]" % word(process, 128) if process else b""
        head = b"<%d>%s %s %s%s: " % (8 * facility + severity, stamp, host, name, of)
    return head + fields["MESSAGE"]


VALUE = st.one_of(
    st.sampled_from([b"", b"7", b"23", b"sshd", b"two\nlines\n", b"a b\xff", b"\0", b"=", b"x" * 300]),
    st.binary(max_size=30),
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "MESSAGE",
            "PRIORITY",
            "SYSLOG_FACILITY",
            "SYSLOG_IDENTIFIER",
            "_COMM",
            "SYSLOG_PID",
            "_PID",
            "_HOSTNAME",
            "_X",
        ]
    ),
    VALUE,
    max_size=9,
)
TIMES = st.sampled_from([{}, {"__REALTIME_TIMESTAMP": b"%d" % TIME_US}, {"__REALTIME_TIMESTAMP": b"1"}])
ENTRY = st.tuples(TIMES, FIELDS).map(lambda parts: {**parts[0], **parts[1], "_BOOT_ID": b"b"})


@settings(max_examples=400, deadline=None)
@given(entries=st.lists(ENTRY, max_size=6), modern=st.booleans(), batch_bytes=st.sampled_from([100, 4096, 1 << 20]))
def test_entries_become_the_plain_lines(entries, modern, batch_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "BATCH_BYTES", batch_bytes)
        journal = Journal(io.BytesIO(b"".join(map(entry, entries))), modern=modern)
        lines = [plain_line(fields, modern=modern) for fields in entries]
        assert texts(journal) == [line for line in lines if line is not None]
    assert journal.empty_entries == lines.count(None)
    assert (journal.long_entries, journal.large_fields, journal.broken_bytes) == (0, 0, 0)


@settings(max_examples=400, deadline=None)
@given(
    raw=st.one_of(st.binary(max_size=80), st.lists(ENTRY, max_size=3).map(lambda all_: b"".join(map(entry, all_)))),
    cut=st.integers(0, 90),
    data=st.data(),
)
def test_a_broken_journal_gives_what_stands_before(raw, cut, data):
    raw = bytearray(raw)
    if raw:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(0, 255))
    journal = Journal(io.BytesIO(bytes(raw[: max(0, len(raw) - cut)])))
    for line in texts(journal):
        assert line.startswith(b"<")


SOUND = {"__REALTIME_TIMESTAMP": b"%d" % TIME_US, "MESSAGE": b"in", "_HOSTNAME": b"h", "_COMM": b"c"}
LINE = b"<14>Aug 30 10:15:30 h c: in"


def test_instants_are_the_journal_s():
    (batch,) = Journal(io.BytesIO(entry(SOUND)))
    assert batch.messages["instant_ns"].tolist() == [TIME_US * 1000]


def test_an_rfc_3164_line_may_be_of_another_zone():
    assert texts(Journal(io.BytesIO(entry(SOUND)), zone_minutes=-90)) == [b"<14>Aug 30 08:45:30 h c: in"]


@pytest.mark.parametrize("value", [b"\0" * (9 << 20), b"x" * (9 << 20)], ids=["binary", "text"])
def test_a_field_that_is_too_large_is_passed_over(value):
    journal = Journal(
        io.BytesIO(entry({"COREDUMP": value, **SOUND}) + entry({**SOUND, "COREDUMP": value}) + entry(SOUND))
    )
    assert texts(journal) == [LINE] * 3
    assert journal.large_fields == 2


def test_a_message_that_is_too_long_is_counted():
    journal = Journal(
        io.BytesIO(
            entry({**SOUND, "MESSAGE": b"x" * 65_507}) + entry({**SOUND, "MESSAGE": b"x" * 70_000}) + entry(SOUND)
        )
    )
    assert texts(journal) == [LINE]
    assert journal.long_entries == 2


def test_the_last_entry_may_lack_its_end():
    raw = entry(SOUND)
    assert texts(Journal(io.BytesIO(raw + raw[:-1]))) == texts(Journal(io.BytesIO(raw + raw[:-2]))) == [LINE] * 2


def test_what_is_no_entry_is_counted():
    journal = Journal(io.BytesIO(entry(SOUND) + b"X\n" + struct.pack("<Q", 3) + b"abcdef" + entry(SOUND)))
    assert texts(journal) == [LINE]
    assert journal.broken_bytes > 0
