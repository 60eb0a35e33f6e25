"""How are gzip, Zstandard, LZ4 and xz told apart and unpacked? By one interface, in pieces of bounded size.

A packed file has parts one after the other: the members of gzip (RFC 1952), the frames of Zstandard (RFC 8878) and of
LZ4, the streams of xz.
"""

import lzma
import zlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import lz4.frame
import zstandard

PIECE_BYTES: Final = 1 << 14
"""So much is unpacked by one call, except of Zstandard. It is all that is lost before damage."""
_GZIP_PIECE_BYTES: Final = 1 << 18
_XZ_MEMORY_BYTES: Final = 256 << 20
"""`xz -9` needs 65 MiB; a file may ask for more than a machine has."""


class Damaged(Exception):
    """Packed bytes that can't be unpacked. `text` is what stands before them."""

    def __init__(self, why: str, text: bytes = b"") -> None:
        super().__init__(why)
        self.text = text


class Part(Protocol):
    """One part that is being unpacked, in the manner of `lzma.LZMADecompressor`."""

    def decompress(self, packed: bytes, /) -> bytes:
        """Some text; b"" may mean that more bytes are needed. Raises Damaged."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no more text without further bytes."""

    @property
    def eof(self) -> bool:
        """Whether the part has ended."""

    @property
    def unused_data(self) -> bytes:
        """What was given after the end of the part."""


class _GzipMember:
    """A member of gzip, unpacked to the very byte before damage."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._full = False

    def decompress(self, packed: bytes) -> bytes:
        packed = self._member.unconsumed_tail + packed
        before = self._member.copy()
        try:
            text = self._member.decompress(packed, _GZIP_PIECE_BYTES)
        except zlib.error as error:
            raise Damaged(str(error), _all_before_damage(before, packed)) from None
        self._full = len(text) == _GZIP_PIECE_BYTES
        return text

    @property
    def needs_input(self) -> bool:
        # When a call has returned as much as it may, zlib may hold text back though it has taken all bytes.
        return not self._full and not self._member.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data


def _all_before_damage(member: Any, packed: bytes) -> bytes:
    """The text before the byte at which zlib fails: half as much is given to it each time that it does."""
    texts, step = [], len(packed)
    while step:
        attempt = member.copy()
        try:
            texts.append(attempt.decompress(packed[:step], _GZIP_PIECE_BYTES))
        except zlib.error:
            step //= 2
        else:
            member, packed = attempt, attempt.unconsumed_tail + packed[step:]
            step = min(step, len(packed))
    return b"".join(texts)


class _BoundedPart:
    """A part whose library bounds what a call returns: xz and LZ4."""

    def __init__(self, part: Any, error: type[Exception]) -> None:
        self._part, self._error = part, error

    def decompress(self, packed: bytes) -> bytes:
        try:
            return bytes(self._part.decompress(packed, PIECE_BYTES))
        except self._error as error:
            raise Damaged(str(error)) from None

    @property
    def needs_input(self) -> bool:
        return bool(self._part.needs_input)

    @property
    def eof(self) -> bool:
        return bool(self._part.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._part.unused_data or b"")


class _ZstdFrame:
    """A frame of Zstandard. All that its bytes hold is returned at once."""

    needs_input = True

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()  # as zstd(1) by default

    def decompress(self, packed: bytes) -> bytes:
        try:
            return self._frame.decompress(packed)
        except zstandard.ZstdError as error:
            raise Damaged(str(error)) from None

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data


def _xz_stream() -> Part:
    return _BoundedPart(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES), lzma.LZMAError)


def _lz4_frame() -> Part:
    return _BoundedPart(lz4.frame.LZ4FrameDecompressor(), RuntimeError)


class Packing(NamedTuple):
    """A way of packing."""

    name: str
    new_part: Callable[[], Part]
    input_bytes: int
    """So many packed bytes are unpacked at once."""
    padding: bytes = b""
    """The bytes that may stand between parts."""


_GZIP: Final = Packing("gzip", _GzipMember, 1 << 16, b"\0")
# 128 KiB of one byte take 4 bytes (RFC 8878, section 3.1.1.2), so that 2 KiB become 64 MiB at most.
_ZSTD: Final = Packing("Zstandard", _ZstdFrame, 2048)
_LZ4: Final = Packing("LZ4", _lz4_frame, 1 << 16)
_XZ: Final = Packing("xz", _xz_stream, 1 << 16, b"\0")
HEAD_BYTES: Final = 8
"""So many bytes tell how a file is packed."""
_SKIPPABLE: Final = range(0x50, 0x60)
"""The first byte of a skippable frame, of Zstandard (RFC 8878, section 3.1.2) and LZ4 alike."""
_SKIPPABLE_REST: Final = b"\x2a\x4d\x18"
_MAGICS: Final = {
    b"\x1f\x8b": _GZIP,
    b"\x28\xb5\x2f\xfd": _ZSTD,
    b"\x04\x22\x4d\x18": _LZ4,
    b"\xfd7zXZ\0": _XZ,
}


def packing_of(head: bytes) -> Packing | None:
    """How a file is packed that begins with `head`, eight bytes or the whole file; None: it is not.

    One that begins with a skippable frame is taken for Zstandard, since pzstd writes such.
    """
    for magic, packing in _MAGICS.items():
        if head.startswith(magic):
            return packing
    return _ZSTD if head[:1] and head[0] in _SKIPPABLE and head[1:4] == _SKIPPABLE_REST else None
