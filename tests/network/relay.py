"""A relay on loopback that sends on what it receives, to other ports or changed; in a thread of the test."""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from replay.linux.sockets.udp_receive import ask_for_buffer

Change = Callable[[int, int, bytes], Sequence[tuple[int, bytes]]]
"""From a port, how many came there before, and a datagram to ports and datagrams."""


@contextmanager
def relaying(ports: Sequence[int], change: Change) -> Iterator[None]:
    """Receive at some ports, and send on as `change` says; all that had come is sent on before the end."""
    over = threading.Event()
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for port in ports:
            receiver = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            ask_for_buffer(receiver, 16 << 20)
            receiver.bind(("127.0.0.1", port))
            receiver.setblocking(False)
            selector.register(receiver, selectors.EVENT_READ, port)
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        thread = threading.Thread(target=_relay, args=(selector, sender, change, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _relay(selector: selectors.BaseSelector, sender: socket.socket, change: Change, over: threading.Event) -> None:
    came: dict[int, int] = {}
    while True:
        ready = selector.select(0.05)
        if not ready and over.is_set():
            return
        for key, _ in ready:
            data = key.fileobj.recv(65536)
            for port, datagram in change(key.data, came.get(key.data, 0), data):
                sender.sendto(datagram, ("127.0.0.1", port))
            came[key.data] = came.get(key.data, 0) + 1
