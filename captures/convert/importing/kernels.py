"""Which compiled code has an import? It is made ready before the first packet or line is read."""

from collections.abc import Callable
from io import BytesIO

import numpy as np

from captures.compiled.readiness import make_ready
from captures.convert.importing.trains import looks_of, trains_of
from captures.format.stamps.kinds import StampKind
from captures.format.stamps.zones import UTC
from captures.packets.containers import packets_of
from captures.packets.headers.dissector import prepare
from captures.text.finding import EVENT, FIELD, FIELDS, SLACK_BYTES, Finder, Found
from captures.text.hosts import Hosts
from captures.text.journal import Journal
from captures.text.json_lines import json_texts
from captures.text.lines import Lines
from captures.text.messages import as_messages
from captures.text.wrapping import Header, wrapped

_ENTRY = b"__REALTIME_TIMESTAMP=0\nMESSAGE=x\n\n"


def make_import_ready(*, of_text: bool) -> None:
    """Compile or load all kernels of an import of packets, or of text."""
    if of_text:
        make_ready("the import of text", [*text_compilations(), *compilations()])
    else:
        make_ready("the import", [*packets_of.compilations(), *compilations()])
        prepare()


def compilations() -> list[Callable[[], object]]:
    """Calls of the kernels that see what events say, and cut trains of them."""
    numbers = np.zeros(1, np.int64)
    data = np.zeros(SLACK_BYTES + 1, np.uint8)
    batch = as_messages(data, numbers, numbers)
    found = Found(np.zeros(1, EVENT), np.zeros((1, FIELDS), FIELD))
    return [
        lambda: Finder(np.zeros((1, 2), np.int64), 0).find(batch),
        lambda: Hosts().numbers(batch, found),
        lambda: trains_of(data, numbers, numbers, looks_of(found), numbers),
    ]


def text_compilations() -> list[Callable[[], object]]:
    """Calls of the kernels that read lines, JSON and journals, and write headers."""
    numbers = np.zeros(1, np.int64)
    batch = as_messages(np.zeros(SLACK_BYTES + 1, np.uint8), numbers, numbers)
    return [
        lambda: [*Lines(BytesIO(b"x\n"))],
        lambda: json_texts(batch, "x"),
        lambda: [*Journal(BytesIO(_ENTRY))],
        lambda: wrapped(batch, numbers, Header(b"", StampKind.RFC3164, UTC, b"")),
    ]
