"""Which parts of a text are taken for values: a table of forms, and hostile texts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.rework.anonymize.blocks import ROW
from captures.rework.anonymize.rules import Rules
from captures.rework.anonymize.scan.finding import find_all
from captures.rework.anonymize.scan.kinds import Kind
from captures.rework.anonymize.tokens.secret import secret_of
from captures.rework.anonymize.work import work_of

WORK = work_of(Rules(file_suffixes=("docx",), users={"words": ("badge",)}), secret_of(bytes(range(32))))
NOTHING = np.zeros(16, np.uint64)
STAMP = b"Aug 30 10:15:30"


def found(text: bytes):
    data = np.frombuffer(text, np.uint8)
    trains = np.zeros(1, ROW)
    trains["count"], trains["length"] = 1, len(text)
    if STAMP in text[:20]:
        trains["stamp_column"], trains["stamp_kind"] = text.index(STAMP), 2
    train, count = find_all(data, trains, 0, WORK.vocabulary, NOTHING, np.zeros((1, 2, 2), np.int64), WORK.place)
    assert train == 1
    rows = WORK.place.rows[:count].tolist()
    assert all(first[1] <= second[0] for first, second in pairwise(rows))
    return [(Kind(kind).name.lower(), text[at:end].decode(errors="replace")) for at, end, kind in rows]


FORMS = [
    ("from 10.0.0.1 port 5", ["ipv4 10.0.0.1"]),
    ("10.0.0.1:514,[192.0.2.7]:25", ["ipv4 10.0.0.1", "ipv4 192.0.2.7"]),
    ("ends 8.8.8.8.", ["ipv4 8.8.8.8"]),
    ("src_10.0.0.1 x10.0.0.1s 10.0.0.1-10.0.0.9", ["ipv4 10.0.0.1"] * 3 + ["ipv4 10.0.0.9"]),
    ("010.001.000.255", ["ipv4 010.001.000.255"]),
    ("1.3.6.1.4.1.9 5.15.0 256.1.1.1 1.2.3", []),
    (
        "2001:db8::1 2001:DB8:0:0:0:0:0:1 ::1:2 fe80::1%eth0",
        ["ipv6 2001:db8::1", "ipv6 2001:DB8:0:0:0:0:0:1", "ipv6 ::1:2", "ipv6 fe80::1"],
    ),
    ("[2001:db8::1]:514 from 2001:db8::1: x", ["ipv6 2001:db8::1"] * 2),
    ("::ffff:192.0.2.7 and 1:2:3:4:5:6:192.0.2.7", ["ipv6 ::ffff:192.0.2.7", "ipv6 1:2:3:4:5:6:192.0.2.7"]),
    ("10:15:30 :: std::string 1:2:3:4:5:6:7", []),
    (
        "00:0c:29:aa:bb:cc 00-0C-29-AA-BB-CC 0050.56ab.cdef",
        ["mac 00:0c:29:aa:bb:cc", "mac 00-0C-29-AA-BB-CC", "mac 0050.56ab.cdef"],
    ),
    ("MAC=00:0c:29:aa:bb:cc:00:50:56:11:22:33:08:00", ["mac 00:0c:29:aa:bb:cc", "mac 00:50:56:11:22:33"]),
    ("to=<bob.miller+x@shop.example>,", ["mail bob.miller+x", "mail shop.example"]),
    ("[stampede@32473 a=1] root@web01", ["mail root", "mail web01"]),
    (
        "https://u:pw@intra.acme.net:80/x http://10.0.0.1/ ftp://nas/",
        ["user u:pw", "url intra.acme.net", "ipv4 10.0.0.1", "url nas"],
    ),
    ("u=bob%40acme.example&x", ["mail bob", "mail acme.example"]),
    ("r=a%2Fbob%2540web01%2Fx at%20mail.acme.com", ["mail a%2Fbob", "mail web01", "domain mail.acme.com"]),
    ("bob%acme.example 100%40", ["domain acme.example"]),
    ('{"a":"ACME\\\\jo","b":"C:\\\\Users\\\\x"} WEB01.ACME.COM', ["host ACME", "user jo", "domain WEB01.ACME.COM"]),
    ("acme.example\\bob", ["domain acme.example", "user bob"]),
    ("authenticating user jo@WEB01 port 22", ["mail jo", "mail WEB01"]),
    ("at mail.acme.com and plan.docx and a.log", ["domain mail.acme.com", "file plan.docx"]),
    ("Accepted password for jo from 1.1.1.1", ["user jo", "ipv4 1.1.1.1"]),
    ("Failed password for invalid user jo from 1.1.1.1", ["user jo", "ipv4 1.1.1.1"]),
    ("Invalid user j.doe from 1.1.1.1", ["user j.doe", "ipv4 1.1.1.1"]),
    ("Invalid user d.o'neil from 1.1.1.1", ["user d.o'neil", "ipv4 1.1.1.1"]),
    ("user='bob' it's", ["user bob"]),
    ("session opened for user root(uid=0) by jo(uid=7)", ["user jo"]),
    ("sudo:   jo : TTY=pts/0 ; PWD=/home/jo/x ; USER=root", ["user jo", "user jo"]),
    ("su[12]: (to root) jo on pts/0", ["user jo"]),
    ("logname= uid=0 euid=0 tty=ssh ruser= rhost=1.1.1.1  user=jo", ["ipv4 1.1.1.1", "user jo"]),
    ('Account Name:\t\tjo  TargetUserName=jo {"user":"jo"} user \'jo\'', ["user jo"] * 4),
    ("by ACME\\jo in C:\\Users\\jo\\x C:\\Windows\\System32", ["host ACME", "user jo", "user jo"]),
    ("badge=jo badge jo", ["user jo", "user jo"]),
    ("<13>Aug 30 10:15:30 web01 app: hello", ["host web01"]),
    ("<13>1 - web01 app - - - hello", ["host web01"]),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_forms(text, expected):
    assert [f"{kind} {value}" for kind, value in found(text.encode())] == expected


PIECES = [
    b"user=",
    b"for ",
    b" from ",
    b"://",
    b"@",
    b"::",
    b":",
    b".",
    b"\\",
    b"10.",
    b"a.b",
    b"sudo: ",
    b"(to ",
    b"\xff",
]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
@settings(max_examples=400)
def test_no_text_breaks_the_scan(text):
    found(text)
    found(b"<13>" + STAMP + text)


@pytest.mark.parametrize(
    "piece", [*PIECES, b"a@", b"1.", b"a:", b"aa:", b"user user ", b"x://y@", b"(to (to ", b"-", b"a-"]
)
def test_a_long_hostile_text_is_scanned(piece):
    text = (piece * (65000 // len(piece)))[:65000]
    assert len(found(text)) <= len(text)
