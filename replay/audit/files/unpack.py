"""Unpacking gzip and Zstandard as far as they go: with parts in a row, without an end, damaged, or with a foreign tail.

What can be unpacked is handed out, and what was wrong is said afterwards. Both formats are read in small pieces, so
that what is held is bounded, and the whole is bounded by a ratio that no log reaches.
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
"""Of unpacked to packed bytes. Tagged events differ in some bytes each: even of 4 kB they pack to a 300th at best."""
FREE_BYTES: Final = 64 << 20
"""What is unpacked whatever the ratio."""
_GZIP_INPUT_BYTES: Final = 1 << 16
_GZIP_OUTPUT_BYTES: Final = 1 << 20
_ZSTD_INPUT_BYTES: Final = 2048
"""What is unpacked at once. A block of 128 KiB of one byte takes 4 bytes (RFC 8878, section 3.1.1.2), so this becomes
64 MiB at most."""

_OPENING_BYTES: Final = 4
_CUT: Final = "its end is missing: it was cut, or is still being written"


class Bomb(Exception):
    """What is packed is too large to be a log."""


class Decoder(Protocol):
    """One gzip member or Zstandard frame after the other."""

    def unpack(self, packed: bytes) -> bytes:
        """Text out of the next bytes. Raises zlib.error or ZstdError when they are damaged."""

    def held(self) -> bool:
        """Whether there may be more text without more bytes."""

    def rest(self) -> bytes | None:
        """What follows the end of this part; None: it has not ended."""

    def padded(self, packed: bytes) -> bytes:
        """The same without what may stand before a part."""

    def renew(self) -> None:
        """Begin the next part."""


class GzipDecoder:
    """Members of RFC 1952, each with its checksum."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin the next member."""
        self._member = zlib.decompressobj(wbits=31)

    def unpack(self, packed: bytes) -> bytes:
        """At most _GZIP_OUTPUT_BYTES of text; the rest is held."""
        return self._member.decompress(self._member.unconsumed_tail + packed, _GZIP_OUTPUT_BYTES)

    def held(self) -> bool:
        """Whether the last text was not all."""
        return bool(self._member.unconsumed_tail)

    def rest(self) -> bytes | None:
        """What follows the member."""
        return self._member.unused_data if self._member.eof else None

    def padded(self, packed: bytes) -> bytes:
        """Zeros may stand between members, as gzip(1) has it."""
        return packed.lstrip(b"\0")


class ZstdDecoder:
    """Frames of RFC 8878; those that may be skipped have no text."""

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
        """What follows the frame."""
        return self._frame.unused_data if self._frame.eof else None

    def padded(self, packed: bytes) -> bytes:
        """Nothing may stand between frames."""
        return packed


_DECODERS: Final[dict[type[Decoder], int]] = {GzipDecoder: _GZIP_INPUT_BYTES, ZstdDecoder: _ZSTD_INPUT_BYTES}


def decoder_of(head: bytes) -> Decoder | None:
    """What unpacks a file that begins with `head`, six bytes or all there are; None: it is not packed."""
    if head.startswith(GZIP):
        return GzipDecoder()
    if head.startswith(ZSTD) or (head[:1] and head[0] in _SKIPPABLE and head[1:4] == _SKIPPABLE_REST):
        return ZstdDecoder()
    return None


class Unpacked:
    """The text of a packed file. Where its bytes end for now, more may follow later."""

    def __init__(self, read: Callable[[int], bytes], decoder: Decoder) -> None:
        """`read` gives the next bytes of the file, some of those that are asked for, or none at its end."""
        self._read, self._decoder = read, decoder
        self._input_bytes = _DECODERS[type(decoder)]
        self._text = memoryview(b"")
        self._opening = b""
        self._inside = self._ended = False
        self._packed_bytes = self._text_bytes = self._whole_parts = 0
        self.damage: str | None = None
        """What stopped the unpacking, if that was not the end."""

    @property
    def unreadable(self) -> bool:
        """Whether nothing at all could be unpacked."""
        return self.damage is not None and not self._text_bytes and not self._whole_parts

    @property
    def held(self) -> bool:
        """Whether there is text that needs no more bytes of the file."""
        return bool(self._text) or (self._decoder.held() and not self._ended)

    def complaint(self) -> str | None:
        """What is wrong, if the file ends here."""
        return self.damage or (_CUT if self._inside else None)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the file goes. Raises Bomb when that is too far."""
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
        """Unpack until there is something; False: there are no more bytes for now, or it is over."""
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
        """The text of the next bytes, over the ends of parts."""
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
        """What follows is not text: say why, and leave it."""
        foreign = len(self._opening) == _OPENING_BYTES and decoder_of(self._opening) is None
        self.damage = (
            "something else follows the end of what is packed, and was left out"
            if foreign
            else f"it is damaged, and what follows was left out ({str(error)[:80]})"
        )
        self._ended, self._inside = True, False
