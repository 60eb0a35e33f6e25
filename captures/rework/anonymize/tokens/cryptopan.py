"""Crypto-PAn: which address takes the place of an address, so that shared prefixes stay shared, to the bit.

Xu, Fan, Ammar and Moon, "Prefix-Preserving IP Address Anonymization" (ICNP 2002): bit i of an address is turned if the
first bit of AES says so, of the i bits before it, with the rest of the block from a secret padding. A text of the token
may have another length than the text of the address, so this is for captures with addresses in their headers alone.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import PreflightError

KEY_BYTES: Final = 32
_BLOCK_BYTES: Final = 16
_ROWS: Final = 2048
"""So many addresses are worked on at once: they make 4 MiB of blocks at most."""


class CryptoPan:
    """The mapping of a key."""

    def __init__(self, key: bytes) -> None:
        """A key of KEY_BYTES: the first half is the key of AES, the second one makes the padding.

        Raises PreflightError where the library with AES is missing: no other mapping needs it.
        """
        try:
            from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - it may be missing
            from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415
            from cryptography.hazmat.primitives.ciphers.modes import ECB  # noqa: PLC0415
        except ImportError:
            mend = "pip install 'stampede[anonymize]'"
            raise PreflightError(f"--addresses cryptopan needs a library that is missing; {mend}") from None
        self._cipher = Cipher(AES(key[:_BLOCK_BYTES]), ECB())  # noqa: S305 - each block is an input of a PRF
        padding = np.unpackbits(np.frombuffer(self._encrypted(key[_BLOCK_BYTES:KEY_BYTES]), np.uint8))
        before = np.tri(8 * _BLOCK_BYTES, k=-1, dtype=np.bool_)
        self._before = np.packbits(before, axis=1)
        self._padding = np.packbits(~before & padding.astype(np.bool_), axis=1)

    def _encrypted(self, data: bytes) -> bytes:
        encryptor = self._cipher.encryptor()
        return encryptor.update(data) + encryptor.finalize()

    def map(self, addresses: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The tokens of addresses, both as bytes: shape (addresses, 4) or (addresses, 16)."""
        tokens = np.empty_like(addresses)
        for start in range(0, len(addresses), _ROWS):
            part = slice(start, start + _ROWS)
            tokens[part] = addresses[part] ^ self._turned(addresses[part])
        return tokens

    def _turned(self, addresses: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Which bits are turned, in the shape of the addresses."""
        count, width = addresses.shape
        bits = 8 * width
        blocks = np.zeros((count, bits, _BLOCK_BYTES), np.uint8)
        blocks[:, :, :width] = addresses[:, None, :] & self._before[:bits, :width]
        blocks |= self._padding[:bits]
        encrypted = np.frombuffer(self._encrypted(blocks.tobytes()), np.uint8).reshape(blocks.shape)
        return np.packbits(encrypted[:, :, 0] >> 7, axis=1)
