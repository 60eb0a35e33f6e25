"""Random pcap and pcapng files, damaged and packed: a slow reader reads the same, and nothing but BrokenInput comes."""

import gzip
import lzma
import random
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

import lz4.frame
import zstandard

from captures.packets.containers.packets_of import NotPackets
from tests.captures.packets import plain
from tests.fuzz.cases import run_cases

NUMBERS = (0, 1, 4, 12, 28, 96, 2**16 - 1, 262_144, 262_145, 2**31 - 1, 2**31, 2**32 - 1)
PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda text: gzip.compress(text, 1),
    zstandard.ZstdCompressor(1, write_checksum=True).compress,
    lz4.frame.compress,
    lambda text: lzma.compress(text, preset=0),
)


def fuzz_containers(seconds: float, seed: int) -> int:
    """Read random files for so long; returns how many."""
    return run_cases(_read_one, seconds, seed)


def _read_one(draw: random.Random) -> None:
    make, read_plainly = draw.choice([(_pcap, plain.read_pcap), (_pcapng, plain.read_pcapng)])
    content = bytearray(b"".join(make(draw) for _ in range(draw.choice([1, 1, 2]))))
    for _ in range(draw.choice([0, 1, 1, 2, 5])):
        _damage(draw, content)
    whole = bytes(content)
    block_bytes = draw.choice([8, 64, 1000, 1 << 16])
    try:
        told = plain.read(whole, block_bytes)
    except NotPackets:
        assert plain.read_pcap(whole).broken
        assert plain.read_pcapng(whole).broken
        return
    assert told == read_plainly(whole)
    if draw.random() < 0.2:
        _read_packed(draw, whole, told)


def _read_packed(draw: random.Random, whole: bytes, told: plain.Told) -> None:
    """The same, packed in parts, says the same; packed and damaged it says something, or less."""
    pack, cut = draw.choice(PACKERS), draw.randrange(len(whole) + 1)
    packed = bytearray(pack(whole[:cut]) + pack(whole[cut:]))
    assert plain.read(bytes(packed)) == told
    _damage(draw, packed)
    with suppress(NotPackets):
        plain.read(bytes(packed))


def _damage(draw: random.Random, content: bytearray) -> None:
    place = draw.randrange(len(content) + 1)
    match draw.randrange(7):
        case 0:
            del content[place:]
        case 1:
            del content[place : place + draw.choice([1, 4, 16, 100])]
        case 2:
            content[place:place] = draw.randbytes(draw.choice([1, 4, 16]))
        case 3 if place < len(content):
            content[place] ^= 1 << draw.randrange(8)
        case 4:
            number = struct.pack(draw.choice("<>") + "I", draw.choice(NUMBERS))
            content[place : place + 4] = number[: len(content) - place]
        case 5:
            place -= place % 4
            number = struct.pack(draw.choice("<>") + "I", draw.choice(NUMBERS))
            content[place : place + 4] = number[: len(content) - place]
        case _:
            content += content[place : place + draw.choice([4, 24, 64])]


def _payload(draw: random.Random) -> bytes:
    return draw.randbytes(draw.choice([0, 1, 4, 60, 60, 192, draw.randrange(3000)]))


def _number(draw: random.Random) -> int:
    return draw.choice([draw.choice(NUMBERS), draw.randrange(300), draw.getrandbits(32)])


def _pcap(draw: random.Random) -> bytes:
    order, magic = draw.choice("<>"), draw.choice(sorted(plain.PCAP_MAGICS))
    more = bytes(8) if magic == 0xA1B2CD34 else b""
    header = plain.pcap_header(order, magic, _number(draw), _number(draw))
    return header + b"".join(
        plain.pcap_record(_payload(draw), _number(draw), _number(draw), order, _number(draw), more)
        for _ in range(draw.choice([0, 1, 5, 40]))
    )


def _pcapng(draw: random.Random) -> bytes:
    order, count = draw.choice("<>"), draw.randint(0, 3)
    parts = [plain.section(order, draw.choice([-1, 0, 4]))] + [_interface(draw, order) for _ in range(count)]
    for _ in range(draw.choice([0, 1, 5, 40])):
        number, payload = draw.randrange(max(count, 1)), _payload(draw)
        original = draw.choice([None, _number(draw)])
        ticks = draw.choice([draw.getrandbits(64), draw.getrandbits(50), 0])
        match draw.randrange(6):
            case 0 | 1 | 2:
                more = draw.choice([b"", plain.options((1, b"said"), order=order), draw.randbytes(6)])
                parts.append(plain.enhanced(payload, ticks, number, order, original, more))
            case 3:
                parts.append(plain.obsolete(payload, ticks, number, order, original))
            case 4:
                parts.append(plain.simple(payload, order, original))
            case _:
                parts.append(
                    draw.choice([plain.block(draw.choice([5, 9, 11]), payload, order), _interface(draw, order)])
                )
    return b"".join(parts)


def _interface(draw: random.Random, order: str) -> bytes:
    each = [
        (code, draw.randbytes(draw.choice([0, 1, 8, 8, 9, 70]))) for code in draw.choices([2, 9, 9, 14, 14, 3], k=3)
    ]
    return plain.interface(order, draw.randrange(2**16), _number(draw), plain.options(*each, order=order))


if __name__ == "__main__":
    print(fuzz_containers(float(sys.argv[1]), int(sys.argv[2])), "files")
