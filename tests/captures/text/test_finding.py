"""What is found in an event is what the plain way finds, wherever it stands and whatever came before it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.compiled.words import words_of
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import STAMP_WIDTHS, ZONED, StampKind
from captures.text.finding import FIELDS, MOST_BYTES, Finder
from captures.text.fronts import instant_of_front
from captures.text.messages import Messages, as_messages
from captures.text.scanning import MOST_TRIES
from tests.captures.text.plain import plain_find

REFERENCE_NS = 1_756_548_930_123_456_789
KINDS = [kind for kind in StampKind if kind]


def batch_of(events, instants_ns=None, behind=b""):
    lengths = np.array([len(event) for event in events], np.int64)
    data = np.frombuffer(b"".join(events) + behind, np.uint8)
    batch = as_messages(data, np.cumsum(lengths) - lengths, lengths)
    if instants_ns is not None:
        batch.messages["instant_ns"] = instants_ns
    return batch


def find(events, instants_ns=None, behind=b"", zone_minutes=0, finder=None):
    finder = finder or Finder(np.array([(0, zone_minutes)]), REFERENCE_NS)
    found = finder.find(batch_of(events, instants_ns, behind))
    return [said(event, found, i) for i, event in enumerate(events)]


def said(event, found, i):
    """As `plain_find` has it."""
    row = found.events[i]
    fields = [
        (int(each["column"]), int(each["kind"]), int(each["zone_minutes"]), int(each["instant_ns"]))
        for each in found.fields[i][: row["stamps"]]
    ]
    for each in found.fields[i][: row["stamps"]]:
        assert each["width"] == STAMP_WIDTHS[each["kind"]]
    host = event[row["host"] : row["host"] + row["host_length"]] if row["host_length"] else b""
    return int(row["priority"]), int(row["version"]), fields, host


@st.composite
def stamps(draw):
    kind = draw(st.sampled_from(KINDS))
    zone = draw(st.sampled_from([0, 120, -210])) if ZONED[kind] else 0
    instant_ns = REFERENCE_NS + draw(st.integers(-2 * 86_400, 2 * 86_400)) * 10**9
    return stamp_texts(kind, zone, np.array([instant_ns])).tobytes()


PIECES = st.sampled_from(
    [
        *(b" ", b" ", b": ", b" CEST", b" host1", b" host1 ", b" src@host1/relay2 ", b" [10.0.0.1] ", b"[7]: ", b" - "),
        *(b" Message forwarded from box: ", b" INFO ", b"12: ", b"*", b".", b"12: sw1: *", b"x", b"%ASA-6-1: ", b'="'),
        *(b"2024 ", b"00:11:22:33:44:55", b"1234567890123", b"fe80::1 ", b"\xef\xbb\xbf", b"\0", b"10:15:30", b"\xff"),
    ]
)
FRONT = st.sampled_from(
    [b"<13>", b"<13>1 ", b"<191>2 ", b"<192>", b"<13>1 - h ", b"", b"\xef\xbb\xbf<6>", b"<0>\xef\xbb\xbf"]
)
SOUND = st.tuples(FRONT, st.lists(st.one_of(stamps(), PIECES, PIECES), max_size=8).map(b"".join)).map(b"".join)


@st.composite
def mangled(draw):
    event = bytearray(draw(SOUND))
    for _ in range(draw(st.integers(0, 2))):
        if event:
            event[draw(st.integers(0, len(event) - 1))] = draw(st.sampled_from(b"0123456789->:T.Z< +/@[]%A\xff\0"))
    return bytes(event)


EVENT = st.one_of(SOUND, mangled(), st.binary(max_size=60))


@settings(max_examples=2500, deadline=None)
@given(event=EVENT, zone_minutes=st.sampled_from([0, 345]), behind=st.sampled_from([b"", b"0:15:30.123Z +0200 9"]))
def test_an_event_says_what_the_plain_way_finds(event, zone_minutes, behind):
    assert find([event], [REFERENCE_NS], behind, zone_minutes) == [plain_find(event, REFERENCE_NS, zone_minutes)]


@settings(max_examples=200, deadline=None)
@given(events=st.lists(EVENT, min_size=1, max_size=8))
def test_what_came_before_changes_nothing_if_the_instant_is_known(events):
    assert find(events, REFERENCE_NS) == [plain_find(event, REFERENCE_NS) for event in events]


@pytest.mark.parametrize(
    ("event", "host"),
    [
        (b"<13>Aug 30 10:15:30 server1 sshd[7]: in", b"server1"),
        (b"<13>Aug 30 10:15:30 CEST server1 sshd[7]: in", b"server1"),
        (b"<13>Aug 30 10:15:30 fe80::1 sshd: in", b"fe80::1"),
        (b"<13>Aug 30 10:15:30 s_net@server1/relay1 sshd: in", b"server1"),
        (b"<13>Aug 30 10:15:30 [10.0.0.1] sshd: in", b"10.0.0.1"),
        (b"<13>Aug 30 10:15:30 Message forwarded from aix7: sshd: in", b"aix7"),
        (b"<13>Aug 30 10:15:30 sshd[7]: in", b""),
        (b"<13>Aug 30 10:15:30: %ASA-6-302013: Built", b""),
        (b"<189>45: sw1: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured", b"sw1"),
        (b"<189>45: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured", b""),
        (b"<165>1 2025-08-30T10:15:30.123456Z mymachine evntslog - ID47 - in", b"mymachine"),
        (b"<165>1 - mymachine evntslog - ID47 - in", b"mymachine"),
        (b"<165>1 2025-08-30T10:15:30.123456Z - evntslog - ID47 - in", b""),
        (b"2025-08-30T10:15:30.123456+02:00 server1 sshd: in", b"server1"),
        (b"2025-08-30 10:15:30,123 INFO [main] in", b""),
        (b"<13>2025-08-30 10:15:30,123 INFO main in", b""),
        (b"<13>app: 2025-08-30T10:15:30.123Z server1 in", b""),
    ],
)
def test_hosts_of_many_forms(event, host):
    assert find([event], REFERENCE_NS)[0][3] == host


def test_a_header_and_a_message_may_both_have_stamps():
    event = b"<13>Aug 30 10:15:30 h app: 2025-08-30T10:15:30.123Z took [30/Aug/2025:10:15:29 +0000] at 1756548930.123"
    kinds = [StampKind.RFC3164, StampKind.ISO_MS, StampKind.CLF_S_OFFSET, StampKind.EPOCH_S_MS]
    assert [kind for _, kind, _, _ in find([event], REFERENCE_NS)[0][2]] == kinds


def test_a_number_of_another_time_is_none():
    assert find([b"<13>app: id 1656548930 in"], REFERENCE_NS)[0][2] == []


def test_in_the_lines_of_a_file_a_year_is_that_of_the_line_before():
    finder = Finder(np.array([(0, 0)]), 0)
    found = find([b"2021-12-31 23:59:59 a", b"Jan  1 00:00:01 h b: c"], finder=finder)
    assert found[1][2][0][3] == 1_640_995_201 * 10**9
    assert find([b"Jan  2 00:00:01 h b: c"], finder=finder)[0][2][0][3] == (1_640_995_201 + 86_400) * 10**9


def test_the_work_for_an_event_is_bounded():
    false = b" 2025-13-30T10:15:30"
    true = b" 2025-08-30T10:15:30Z"
    assert len(find([b"x" + false * MOST_TRIES + true], REFERENCE_NS)[0][2]) == 0
    assert len(find([b"x" + false * (MOST_TRIES - 1) + true], REFERENCE_NS)[0][2]) == 1
    assert len(find([b"x" * MOST_BYTES + true], REFERENCE_NS)[0][2]) == 0
    assert len(find([b"x" + true * 9], REFERENCE_NS)[0][2]) == FIELDS


def test_a_batch_of_no_events_has_none():
    found = Finder(np.array([(0, 0)]), 0).find(Messages(np.zeros(0, np.uint8), batch_of([b"a"]).messages[:0]))
    assert len(found.events) == len(found.fields) == 0


@st.composite
def alike(draw):
    """Events that begin alike, but for some bytes, and for the instants that they say."""
    kind, zone = draw(st.sampled_from(KINDS)), draw(st.sampled_from([0, 120]))
    text = draw(
        st.sampled_from([b" host1 app: in", b" - app", b" CEST h in", b" h", b" +0200 h", b" INFO h ", b" h\xff "])
    )
    text = draw(
        st.sampled_from([text, b" Message forwarded from box: in", b" Message f", b" 2024 h", b" host-2 " + b"x" * 60])
    )
    events = []
    for _ in range(draw(st.integers(2, 6))):
        instant_ns = REFERENCE_NS + draw(st.sampled_from([0, 1, 59, 61, -200 * 86_400, 180 * 86_400])) * 10**9
        instant_ns += draw(st.integers(0, 10**9))
        stamp = stamp_texts(kind, zone if ZONED[kind] else 0, np.array([instant_ns])).tobytes()
        event = bytearray(draw(FRONT) + draw(st.sampled_from([b"", b"*"])) + stamp + text)
        if draw(st.booleans()):
            event[draw(st.integers(0, len(event) - 1))] = draw(st.sampled_from(b"0659-:.+TZ M\xff"))
        events.append(bytes(event[: draw(st.sampled_from([None, -1, -3]))]))
    return events


@settings(max_examples=1500, deadline=None)
@given(events=alike(), later=st.sampled_from([0, 1, 190, 400]), zone_minutes=st.sampled_from([0, -90]))
def test_a_front_that_is_known_says_what_it_says_without(events, later, zone_minutes):
    finder = Finder(np.array([(0, zone_minutes)]), REFERENCE_NS)
    for now_ns in (REFERENCE_NS, REFERENCE_NS + later * 86_400 * 10**9):
        batch = batch_of(events, now_ns)
        batch.messages["flow"] = 7
        found = finder.find(batch)
        assert [said(event, found, i) for i, event in enumerate(events)] == [
            plain_find(event, now_ns, zone_minutes) for event in events
        ]


def test_a_front_is_known_again_by_its_bytes():
    batch = batch_of(
        [b"<13>Aug 30 10:15:30 host1 app: one", b"<13>Aug 30 10:15:59 host1 app: two, and more"], REFERENCE_NS
    )
    batch.messages["flow"] = 0
    finder, start, data = Finder(np.array([(0, 0)]), 0), int(batch.messages["place"][1]), batch.data
    finder.find(Messages(batch.data, batch.messages[:1]))
    (front,) = (row for row in finder.known.fronts if row["width"])
    instant_ns = instant_of_front(data, words_of(data), start, len(data), REFERENCE_NS, front)
    assert instant_ns == 1_756_548_959 * 10**9


@pytest.mark.parametrize("second", [b"60", b"3x", b"99", b" 1"])
def test_a_front_whose_second_is_none_is_not_known(second):
    events = [b"<13>Aug 30 10:15:30 host1 app: one", b"<13>Aug 30 10:15:" + second + b" host1 app: one"]
    batch = batch_of(events, REFERENCE_NS)
    batch.messages["flow"] = 0
    found = Finder(np.array([(0, 0)]), 0).find(batch)
    assert said(events[1], found, 1) == plain_find(events[1], REFERENCE_NS)
