"""How are bytes read from a file or a pipe, packed or not? Into a buffer of the caller, in bounded memory.

Plain files are read, and not mapped: to read some MiB into a buffer that stays in the cache costs less than the faults
of mapped pages, and a file that somebody cuts meanwhile only ends early, where a map would kill the process (SIGBUS).
"""

import os
import select
from collections.abc import Callable
from typing import Final, Protocol

from captures.console.interruption import Noted
from captures.packets.sources.broken import BrokenInput, Interrupted
from captures.packets.sources.packing import HEAD_BYTES, Damaged, Packing, Part, packing_of

_WAIT_MS: Final = 200
_LAST_READS: Final = 16
"""So often a pipe is read at most after a signal, or waited for: what its writer had held back takes a few."""
_CUT: Final = "its end is missing: it was cut, or is still being written"
_FOREIGN: Final = "something else follows the end of what is packed"


class Stream(Protocol):
    """Anything that bytes are read from, to its end."""

    def read_into(self, room: memoryview) -> int:
        """Fill `room` from its start, or a part of it; returns how many bytes, 0 at the end.

        Raises BrokenInput when all that is good was read and the rest is not.
        """


class PlainStream:
    """The bytes of an open file from its present position on, as they are."""

    def __init__(self, name: str, fd: int, progress: Callable[[int], object]) -> None:
        """`progress` gets the number of bytes of each read. The caller closes `fd`."""
        self._name, self._fd, self._progress = name, fd, progress
        self._ahead = b""
        self.place = 0
        """How many bytes were read of the file as it is on the disk."""

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay to be read; fewer only at the end. Raises BrokenInput."""
        while len(self._ahead) < count:
            more = bytearray(count - len(self._ahead))
            found = self._read_into(memoryview(more))
            if not found:
                break
            self._ahead += more[:found]
        return self._ahead

    def read_into(self, room: memoryview) -> int:
        """As `Stream.read_into`. A file that can't be read, as on a damaged disk, is broken."""
        if self._ahead:
            count = min(len(self._ahead), len(room))
            room[:count] = self._ahead[:count]
            self._ahead = self._ahead[count:]
            return count
        return self._read_into(room)

    def _read_into(self, room: memoryview) -> int:
        while True:
            try:
                count = os.readv(self._fd, [room])
            except BlockingIOError:  # a pipe that somebody made non-blocking
                poll = select.poll()
                poll.register(self._fd, select.POLLIN)
                poll.poll(_WAIT_MS)
            except OSError as error:
                raise BrokenInput(self._name, f"byte {self.place:,}", error.strerror or str(error)) from None
            else:
                self.place += count
                self._progress(count)
                return count


class PipeStream(PlainStream):
    """The bytes of a pipe, which a signal ends: who writes into it mostly gets the same signal, and ends by itself.

    tcpdump writes what it holds back when it is asked to end, so this waits for that, if only for a while.
    """

    def __init__(self, name: str, fd: int, progress: Callable[[int], object], noted: Noted) -> None:
        """`noted`: the signals that come while the pipe is read."""
        super().__init__(name, fd, progress)
        self._noted, self._last_reads = noted, _LAST_READS
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def _read_into(self, room: memoryview) -> int:
        while True:
            ready = self._poll.poll(_WAIT_MS)
            if self._noted.first is not None:
                self._last_reads -= 1
                if self._last_reads < 0 or self._noted.urgent:
                    raise self._end()
            if ready:
                break
        count = super()._read_into(room)
        if not count and self._noted.first is not None:
            raise self._end()
        return count

    def _end(self) -> Interrupted:
        return Interrupted(self._name, f"byte {self.place:,}", f"ended by {self._noted.first}")


class UnpackedStream:
    """The text of a packed stream, whose parts follow each other."""

    def __init__(self, name: str, packed: PlainStream, packing: Packing) -> None:
        self._name, self._packed, self._packing = name, packed, packing
        self._room = memoryview(bytearray(packing.input_bytes))
        self._part: Part | None = None
        self._parts = 0
        self._input, self._text = b"", memoryview(b"")
        self._fault: str | None = None

    def read_into(self, room: memoryview) -> int:
        """As `Stream.read_into`."""
        while not len(self._text):
            if self._fault is not None:
                where = f"byte {self._packed.place:,} of the {self._packing.name}, or shortly before"
                raise BrokenInput(self._name, where, self._fault)
            if not self._unpack():
                return 0
        count = min(len(self._text), len(room))
        room[:count] = self._text[:count]
        self._text = self._text[count:]
        return count

    def _unpack(self) -> bool:
        """Take one more step; False: the stream has come to its sound end."""
        if not self._input and (self._part is None or self._part.needs_input):
            found = self._packed.read_into(self._room)
            self._input = bytes(self._room[:found])
            if not found:
                self._fault = None if self._part is None else _CUT
                return self._fault is not None
        if self._part is None:
            self._input = self._input.lstrip(self._packing.padding) if self._packing.padding else self._input
            if not self._input:
                return True
            self._part = self._packing.new_part()
            self._opening = self._input[:HEAD_BYTES]
        self._feed(self._part)
        return True

    def _feed(self, part: Part) -> None:
        try:
            self._text = memoryview(part.decompress(self._input))
            self._input = b""
        except Damaged as damage:
            self._text = memoryview(damage.text)
            foreign = self._parts and len(self._opening) == HEAD_BYTES and packing_of(self._opening) is None
            self._fault = _FOREIGN if foreign else f"it is damaged ({str(damage)[:80]})"
        else:
            if part.eof:
                self._input, self._part = part.unused_data, None
                self._parts += 1


def stream_of(name: str, plain: PlainStream) -> Stream:
    """The bytes of an open file, unpacked if its first bytes say that it is packed. Raises BrokenInput."""
    packing = packing_of(plain.peek(HEAD_BYTES))
    return plain if packing is None else UnpackedStream(name, plain, packing)
