"""How are gzip and Zstandard unpacked? As far as possible, even with many parts, without an end, damaged or extended.

All text that can be unpacked is returned, and what was wrong is said afterwards. Both formats are read in small pieces,
so that memory is bounded. The size of the whole text is bounded by a ratio that no log reaches.
"""

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import zstandard

from captures.console.units import format_size

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = range(0x50, 0x60)
"""The first byte of a skippable frame (RFC 8878, section 3.1.2); pzstd begins with one."""
_SKIPPABLE_REST: Final = b"\x2a\x4d\x18"

MOST_RATIO: Final = 500
"""The greatest ratio of unpacked to packed bytes. Each tagged event differs in some bytes from the others: even events
of 4 kB can't be packed to less than a 300th."""
FREE_BYTES: Final = 64 << 20
"""So many bytes are unpacked at any ratio."""
_GZIP_INPUT_BYTES: Final = 1 << 16
_GZIP_OUTPUT_BYTES: Final = 1 << 20
_ZSTD_INPUT_BYTES: Final = 2048
"""So many packed bytes are unpacked at once. A block of 128 KiB of one byte takes 4 bytes (RFC 8878, section 3.1.1.2),
so they become 64 MiB of text at most."""

_OPENING_BYTES: Final = 4
_CUT: Final = "its end is missing: it was cut, or is still being written"


class Bomb(Exception):
    """Raised when a file unpacks to more than any log would."""


class Decoder(Protocol):
    """Unpacks the parts of a file one after the other: the members of gzip, or the frames of Zstandard."""

    def unpack(self, packed: bytes) -> bytes:
        """The text of the next bytes. Raises zlib.error or ZstdError when they are damaged."""

    def held(self) -> bool:
        """Whether there may be more text that needs no further bytes."""

    def rest(self) -> bytes | None:
        """The bytes after the end of this part; None: the part has not ended."""

    def padded(self, packed: bytes) -> bytes:
        """`packed` without the padding that may stand before a part."""

    def renew(self) -> None:
        """Begin the next part."""


class GzipDecoder:
    """Unpacks the members of gzip (RFC 1952), each of which has a checksum."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin the next member."""
        self._member = zlib.decompressobj(wbits=31)

    def unpack(self, packed: bytes) -> bytes:
        """At most _GZIP_OUTPUT_BYTES of text; the rest is held until the next call."""
        return self._member.decompress(self._member.unconsumed_tail + packed, _GZIP_OUTPUT_BYTES)

    def held(self) -> bool:
        """Whether the last call could not return all the text."""
        return bool(self._member.unconsumed_tail)

    def rest(self) -> bytes | None:
        """The bytes after the end of this member; None: the member has not ended."""
        return self._member.unused_data if self._member.eof else None

    def padded(self, packed: bytes) -> bytes:
        """`packed` without leading zeros, which gzip(1) allows between members."""
        return packed.lstrip(b"\0")


class ZstdDecoder:
    """Unpacks the frames of Zstandard (RFC 8878); skippable frames hold no text."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin the next frame."""
        self._frame = zstandard.ZstdDecompressor().decompressobj()

    def unpack(self, packed: bytes) -> bytes:
        """All the text of these bytes."""
        return self._frame.decompress(packed)

    def held(self) -> bool:
        """Nothing is held back."""
        return False

    def rest(self) -> bytes | None:
        """The bytes after the end of this frame; None: the frame has not ended."""
        return self._frame.unused_data if self._frame.eof else None

    def padded(self, packed: bytes) -> bytes:
        """`packed` itself: no padding may stand between frames."""
        return packed


_DECODERS: Final[dict[type[Decoder], int]] = {GzipDecoder: _GZIP_INPUT_BYTES, ZstdDecoder: _ZSTD_INPUT_BYTES}


def decoder_of(head: bytes) -> Decoder | None:
    """The decoder of a file that begins with `head`, six bytes or the whole file; None: the file is not packed."""
    if head.startswith(GZIP):
        return GzipDecoder()
    if head.startswith(ZSTD) or (head[:1] and head[0] in _SKIPPABLE and head[1:4] == _SKIPPABLE_REST):
        return ZstdDecoder()
    return None


class Unpacked:
    """The text of a packed file. After its present end, more bytes may follow later."""

    def __init__(self, read: Callable[[int], bytes], decoder: Decoder) -> None:
        """`read` returns the next bytes of the file, at most as many as asked for; none at its end."""
        self._read, self._decoder = read, decoder
        self._input_bytes = _DECODERS[type(decoder)]
        self._text = memoryview(b"")
        self._opening = b""
        self._inside = self._ended = False
        self._packed_bytes = self._text_bytes = self._whole_parts = 0
        self.damage: str | None = None
        """Why unpacking stopped before the end of the file; None: it did not."""

    @property
    def unreadable(self) -> bool:
        """Whether nothing at all could be unpacked."""
        return self.damage is not None and not self._text_bytes and not self._whole_parts

    @property
    def held(self) -> bool:
        """Whether there is text that needs no further bytes of the file."""
        return bool(self._text) or (self._decoder.held() and not self._ended)

    def complaint(self) -> str | None:
        """What is wrong with the file if it ends here; None: nothing."""
        return self.damage or (_CUT if self._inside else None)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, or a part of it if the file ends; returns how far. Raises Bomb if the text is too large."""
        filled = 0
        while filled < len(buffer):
            if not len(self._text) and not self._more():
                break
            part = self._text[: len(buffer) - filled]
            buffer[filled : filled + len(part)] = part
            self._text = self._text[len(part) :]
            filled += len(part)
        return filled

    def _more(self) -> bool:
        """Unpack until there is some text; False: there are no more bytes for now, or unpacking has stopped."""
        while not self._ended:
            packed = b"" if self._decoder.held() else self._read(self._input_bytes)
            if not packed and not self._decoder.held():
                return False
            self._packed_bytes += len(packed)
            text = self._unpack(packed)
            if text:
                self._take(text)
                return True
        return False

    def _unpack(self, packed: bytes) -> bytes:
        """The text of the next bytes, which may belong to several parts."""
        texts = []
        try:
            while packed or self._decoder.held():
                if not self._inside:
                    packed = self._decoder.padded(packed)
                    self._opening, self._inside = packed[:_OPENING_BYTES], bool(packed)
                texts.append(self._decoder.unpack(packed))
                rest = self._decoder.rest()
                if rest is None:
                    break
                packed, self._inside = rest, False
                self._whole_parts += 1
                self._decoder.renew()
        except (zlib.error, zstandard.ZstdError) as error:
            self._stop(error)
        return b"".join(texts)

    def _take(self, text: bytes) -> None:
        self._text_bytes += len(text)
        self._text = memoryview(text)
        if self._text_bytes > FREE_BYTES + MOST_RATIO * self._packed_bytes:
            raise Bomb(
                f"unpacks to more than {MOST_RATIO:,} times its size, {format_size(self._text_bytes)} so far, as no "
                "log does; unpack it yourself if it is one"
            )

    def _stop(self, error: Exception) -> None:
        """Stop unpacking, since the next bytes are damaged or foreign, and note which of the two."""
        foreign = len(self._opening) == _OPENING_BYTES and decoder_of(self._opening) is None
        self.damage = (
            "something else follows the end of what is packed, and was left out"
            if foreign
            else f"it is damaged, and what follows was left out ({str(error)[:80]})"
        )
        self._ended, self._inside = True, False
