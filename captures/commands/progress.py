"""The bar of a command that goes over a capture's bytes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from captures.console.stderr import Stderr
from captures.console.terminal import bar


@contextmanager
def bytes_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the `with` block runs; it is given what is called with the bytes done, and with all bytes."""
    with bar(desc=what, unit="B", unit_scale=True, unit_divisor=1024, file=Stderr()) as shown:

        def progress(done_bytes: int, total_bytes: int) -> None:
            shown.total = total_bytes
            shown.update(done_bytes)

        yield progress
