"""Events with tags of every form, spoiled and cut ones, and the plain way of reading them."""

import re

from hypothesis import strategies as st

from captures.format.tags import BLANK, tag_text
from replay.sink.verify.tag_reading import MALFORMED, MOST_EVENT_BYTES, PARTED, UNTAGGED

TAG = rb"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{10})"
SUFFIX = re.compile(b"(?s:.*)" + TAG)
OPENED = re.compile(rb'(?:\[stampede@32473 tag="|stampede=)' + TAG)

DIGITS = ["-" if digit == "-" else "[0-9a-f]" for digit in BLANK[:-1]]
PARTS = [
    "stampede" + "".join(rest[:count])
    for rest in (["=", *DIGITS], [*'@32473 tag="', *DIGITS])
    for count in range(len(rest), -1, -1)
]
CUT = re.compile(f"(?:{'|'.join(PARTS)})\\s*\\Z".encode())
LONGEST_PART = len('[stampede@32473 tag="') + len(BLANK)


def plain_tag(event):
    """By the definition: run, port and number, or UNTAGGED, MALFORMED or PARTED where there is no tag."""
    searched = event[:MOST_EVENT_BYTES]
    match = SUFFIX.fullmatch(event) or OPENED.search(searched)
    if match:
        return tuple(int(digits, 16) for digits in match.groups())
    if b"stampede" not in searched:
        return UNTAGGED
    return PARTED if CUT.search(searched[-LONGEST_PART:]) else MALFORMED


def numbered(first, count, *, run=0x1F3A9C07, port=5514, form=b"<6>host app: text stampede=%s"):
    return [form % tag_text(run, port, first + i) for i in range(count)]


FORMS = (
    b"<6>host app: text stampede=%s",
    b"%s",
    b'<6>1 - host app 1 - [stampede@32473 tag="%s"][x y="1"] text',
    b'[stampede@32473 tag="%s"',
    b"<6>host app: stampede=%s and more",
    b"<6>host app: stampede=%s0a1b2c",
    b"<6>host app: stampede=%s\n",
    b'<6>host app: other="%s" text',
)


@st.composite
def trains(draw):
    """Events of one length: mostly of consecutive numbers, some of them spoiled, one cut short at times."""
    form = draw(st.sampled_from(FORMS))
    first = draw(st.sampled_from([0, 5, 4090, (1 << 32) - 4, (1 << 33) + 7, (1 << 40) - 40]))
    events = [bytearray(event) for event in numbered(first, draw(st.integers(1, 20)), form=form)]
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        event = draw(st.sampled_from(events))
        event[draw(st.integers(0, len(event) - 1))] = draw(st.sampled_from(b'0f-="AxG \xff'))
    message = b"".join(events)
    return message[: len(message) - draw(st.sampled_from([0, 0, 1, 10]))], len(events[0])


NOISE = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(b"stampede", b"=", b'[stampede@32473 tag="', b"[", b"@32473 t", b'ag="'),
                *(BLANK.encode(), BLANK[:9].encode(), b"-", b'"', b" ", b"\n", b"x" * MOST_EVENT_BYTES),
            ]
        ),
        max_size=8,
    ).map(b"".join),
).map(lambda event: (event, max(1, len(event))))
