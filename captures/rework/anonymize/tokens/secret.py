"""The key file: what all tokens follow from. Who has it can test guesses; who loses it can't make them again."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final, NamedTuple

from blake3 import blake3

from captures.console.errors import InputError, PreflightError
from captures.files.output_file import OutputFile, write_all
from captures.files.small_file import read_small
from captures.rework.anonymize.tokens.cryptopan import KEY_BYTES
from captures.rework.anonymize.tokens.keyed import Key, key_of

LEAST_BYTES: Final = 32
MOST_BYTES: Final = 4096
_LEAST_VALUES: Final = 12
"""Of 32 random bytes fewer different ones than these come once in 10^16 keys; a word that is repeated has fewer."""
_CONTEXT: Final = "stampede captures anonymize 2025-11 {}"


class Secret(NamedTuple):
    """The keys that follow from a key file, each for one kind of token (BLAKE3's `derive_key`)."""

    addresses_4: Key
    addresses_6: Key
    macs: Key
    names: Key
    hashes: Key
    """Begins the hashes of sets of texts."""
    cryptopan: bytes


def secret_of(data: bytes) -> Secret:
    """The keys that follow from the bytes of a key file."""

    def derived(purpose: str, size: int = 16) -> bytes:
        return blake3(data, derive_key_context=_CONTEXT.format(purpose)).digest(size)

    return Secret(
        addresses_4=key_of(derived("addresses_4")),
        addresses_6=key_of(derived("addresses_6")),
        macs=key_of(derived("macs")),
        names=key_of(derived("names")),
        hashes=key_of(derived("hashes")),
        cryptopan=derived("cryptopan", KEY_BYTES),
    )


def new_key_file(path: Path, beside: Path) -> tuple[bytes, OutputFile]:
    """A new key, and its file that only its owner can read, which is there once the caller finishes it.

    `beside` is the file that is written with the key. Raises InputError where the key can't be written, where something
    is there already, and where both would be the same file.
    """
    if os.path.lexists(path):
        raise InputError(f"{path}: exists already; leave out --new-key to use the key in it, or name another file")
    if os.path.realpath(path) == os.path.realpath(beside):
        raise InputError(f"{path}: the key would be in the place of the output; name another file for one of them")
    data, file = secrets.token_bytes(LEAST_BYTES), OutputFile(path, mode=0o600)
    try:
        write_all(file.fd, data)
    except OSError as error:
        file.close()
        raise PreflightError(f"{path}: can't be written: {error.strerror}") from None
    return data, file


def read_key_file(path: Path) -> tuple[bytes, str]:
    """The bytes of a key file, and a line that warns of it, or "". Raises InputError for one that is no key."""
    try:
        data, status = read_small(path, MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}; --new-key makes a key there") from None
    if len(data) < LEAST_BYTES:
        raise InputError(f"{path}: {len(data)} bytes are no key; it takes {LEAST_BYTES} random ones: see --new-key")
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: too long for a key, which has {MOST_BYTES} bytes at most")
    if len(set(data)) < _LEAST_VALUES:
        raise InputError(f"{path}: a key of {len(set(data))} different bytes can be guessed; see --new-key")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return data, f"{path}: others than its owner can read this key; chmod 600 it"
    return data, ""
