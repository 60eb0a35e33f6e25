"""Which compiled code has an import? It is made ready before the first packet is read."""

from collections.abc import Callable

import numpy as np

from captures.compiled.readiness import make_ready
from captures.convert.importing.trains import looks_of, trains_of
from captures.packets.containers import packets_of
from captures.packets.headers.dissector import prepare
from captures.text.finding import SLACK_BYTES, Finder
from captures.text.hosts import Hosts
from captures.text.messages import as_messages


def make_import_ready() -> None:
    """Compile or load all kernels of an import of packets or of lines."""
    make_ready("the import", [*packets_of.compilations(), *compilations()])
    prepare()


def compilations() -> list[Callable[[], object]]:
    """Calls of the kernels that see what events say, and cut trains of them."""
    numbers = np.zeros(1, np.int64)
    data = np.zeros(SLACK_BYTES + 1, np.uint8)
    batch = as_messages(data, numbers, numbers)
    found = Finder(np.zeros((1, 2), np.int64), 0).find(batch)
    return [
        lambda: Finder(np.zeros((1, 2), np.int64), 0).find(batch),
        lambda: Hosts().numbers(batch, found),
        lambda: trains_of(data, numbers, numbers, looks_of(found), numbers),
    ]
