"""Entries of a journal become the lines that a plain reading of the format makes of them."""

import io
import re
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures.text.journal as journal_module
from captures.format.stamps.zones import fixed_zone, named_zone
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
    assert texts(Journal(io.BytesIO(entry(SOUND)), zone=fixed_zone("-01:30", -90))) == [b"<14>Aug 30 08:45:30 h c: in"]


def test_an_rfc_3164_line_of_a_zone_with_summer_time_has_that_of_its_instant():
    raw = entry(SOUND) + entry({**SOUND, "__REALTIME_TIMESTAMP": b"%d" % (TIME_US + 86_400_000_000 * 90)})
    lines = texts(Journal(io.BytesIO(raw), zone=named_zone("Europe/Berlin")))
    assert lines == [b"<14>Aug 30 12:15:30 h c: in", b"<14>Nov 28 11:15:30 h c: in"]


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


def read(raw):
    """The events of a journal, and the parts and bytes of it that are no entries."""
    journal = Journal(io.BytesIO(raw))
    return texts(journal), journal.broken_parts, journal.broken_bytes


WHOLE = {"__CURSOR": b"s=1", **SOUND}


@pytest.mark.parametrize("cut", [1, 2, 5, 20, 50])
def test_an_entry_without_its_end_is_none(cut):
    raw = entry(WHOLE)
    assert read(raw + raw[:-cut]) == ([LINE], 1, len(raw) - cut)


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (b"some stray line\n", 1),
        (b"X\n" + struct.pack("<Q", 3) + b"abcdef\n", 1),
        (b"COREDUMP\n" + struct.pack("<Q", 1 << 40) + b"abc\n\n", 1),
        (b"COREDUMP\n" + struct.pack("<Q", 1 << 19) + b"abc\n\n", 1),
        (b"COREDUMP\n" + struct.pack("<Q", 5 << 20) + b"abc\n\n", 1),
        (entry(WHOLE)[:-1], 1),
        (b"lower=1\n\n", 1),
        (b"X" * 65 + b"=1\n\n", 1),
        (b"=1\n\n", 1),
        (b"-x\n\n", 1),
        (b"--\n", 1),
        (b"\xff" * 300 + b"\n", 1),
        (b"\xff\n\n__\xff\n\n", 2),
    ],
)
def test_a_broken_part_takes_no_entry_after_it_along(damage, parts):
    raw = entry(WHOLE)
    assert read(3 * raw + damage + 3 * raw) == ([LINE] * 6, parts, len(damage))


@pytest.mark.parametrize("damage", [entry(WHOLE)[:-3], b"\xff", b"--"])
def test_damage_that_ends_within_a_line_costs_the_entry_of_that_line(damage):
    raw = entry(WHOLE)
    assert read(3 * raw + damage + 3 * raw) == ([LINE] * 5, 1, len(damage + raw))


def test_remarks_of_journalctl_are_no_entries():
    raw = entry(SOUND)
    journal = Journal(io.BytesIO(b"-- Logs begin --\n" + raw + b"-- Reboot --\n" + raw + b"-- No entries --\n\n"))
    assert (texts(journal), journal.remarks, journal.broken_parts, journal.empty_entries) == ([LINE] * 2, 3, 0, 0)


@pytest.mark.parametrize("name", ["F{}", "_HOSTNAME"])
def test_an_entry_may_be_of_any_size(name):
    fields = [b"%s=%s\n" % (name.format(n).encode(), b"h" * 1_000_000) for n in range(20)]
    large = b"".join([entry(WHOLE)[:-1], *fields, b"_HOSTNAME=h\n\n"])
    assert read(entry(WHOLE) + large + entry(WHOLE)) == ([LINE] * 3, 0, 0)


@pytest.mark.parametrize("behind", [b"", b"\xff\n\n"])
def test_all_bytes_of_a_large_entry_that_is_broken_are_counted(behind):
    large = entry(WHOLE)[:-1] + b"".join(b"F%d=%s\n" % (n, b"x" * 1_000_000) for n in range(20)) + behind
    large += b"COREDUMP\n" + struct.pack("<Q", 9 << 20) + b"x" * (9 << 20)
    assert read(entry(WHOLE) + large) == ([LINE], 1, len(large))


def test_a_large_field_that_does_not_end_where_it_should_is_counted():
    damaged = entry(WHOLE)[:-1] + b"COREDUMP\n" + struct.pack("<Q", 9 << 20) + b"x" * (9 << 20) + b"yz\n\n"
    assert read(entry(WHOLE) + damaged + entry(WHOLE)) == ([LINE] * 2, 1, len(damaged))


def test_a_message_that_is_too_large_to_be_held_is_too_long():
    journal = Journal(io.BytesIO(entry({**SOUND, "MESSAGE": b"x" * (9 << 20)})))
    assert (texts(journal), journal.long_entries, journal.empty_entries) == ([], 1, 0)


DAMAGE = st.one_of(
    st.text(st.sampled_from("A_=\n\xff-x "), min_size=1, max_size=12).map(lambda text: text.encode("latin-1")),
    st.sampled_from([b"\n\n__", b"X\n" + struct.pack("<Q", 1 << 40), b"\n-- ", b"\n\n\n"]),
)


@settings(max_examples=400, deadline=None)
@given(count=st.integers(1, 6), damage=DAMAGE, batch_bytes=st.sampled_from([40, 100, 1 << 20]), data=st.data())
def test_damage_costs_no_entry_but_those_around_it(count, damage, batch_bytes, data):
    entries = [entry({**WHOLE, "MESSAGE": b"number %d" % n}) for n in range(count)]
    raw, length = b"".join(entries), len(entries[0])  # all are as long
    at, replaced = data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "BATCH_BYTES", batch_bytes)
        journal = Journal(io.BytesIO(raw[:at] + damage + raw[at + replaced :]))
        lines = texts(journal)
    first, last = at // length, (at + replaced) // length
    sound = [b"%s number %d" % (LINE[:-3], n) for n in range(count) if n < first or n > last + 1]
    assert [line for line in lines if line in sound] == sound
    assert len(lines) == count or journal.broken_parts + journal.empty_entries > 0


def plain_piece(raw, at):
    """The fields of the entry at a place, and where it ends; None, and from where on the next one is looked for."""
    start, fields, first_time = at, {}, 0
    while at < len(raw):
        if raw.startswith(b"\n", at):
            return fields, at + 1
        if raw.startswith(b"-- ", at) and at == start:
            return ({}, raw.index(b"\n", at) + 1) if b"\n" in raw[at:] else (None, at)
        match = re.compile(rb"([A-Z0-9_]{1,64})(?:=([^\n]*)\n|\n(.{8}))", re.DOTALL).match(raw, at)
        if not match:
            break
        place, value = match.start(2), match[2]
        if value is None:
            (size,) = struct.unpack("<Q", match[3])
            place, value = match.end(), raw[match.end() : match.end() + size]
            if raw[match.end() + size : match.end() + size + 1] != b"\n":
                break
        if match[1] == b"__REALTIME_TIMESTAMP":
            if match[1].decode() in fields:
                return None, first_time
            first_time = place
        fields[match[1].decode()] = value
        at = place + len(value) + 1
    return None, at


def plain_read(raw):
    """The events of a journal, and the parts and bytes of it that are no entries."""
    lines, parts, broken_bytes, at = [], 0, 0, 0
    while at < len(raw):
        fields, behind = plain_piece(raw, at)
        if fields is None:
            front = re.compile(rb"\n(?=__CURSOR=)|\n\n(?=__)").search(raw, behind)
            behind = front.end() if front else len(raw)
            parts, broken_bytes = parts + 1, broken_bytes + behind - at
        else:
            lines.append(plain_line(fields, modern=False))
        at = behind
    return [line for line in lines if line is not None], parts, broken_bytes


@settings(max_examples=500, deadline=None)
@given(
    pieces=st.lists(st.one_of(DAMAGE, ENTRY.map(entry), st.just(entry(WHOLE))), max_size=8),
    cut=st.one_of(st.just(0), st.integers(0, 40)),
    batch_bytes=st.sampled_from([40, 300, 1 << 20]),
)
def test_each_byte_is_of_an_entry_or_of_a_part_that_is_counted(pieces, cut, batch_bytes):
    raw = b"".join(pieces)
    raw = raw[: max(len(raw) - cut, 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "BATCH_BYTES", batch_bytes)
        assert read(raw) == plain_read(raw)
