"""Who may ask a sink? Those who share its secret, the token.

Without it, anyone who reaches a sink's address could tell the sink which run to count. So a request carries a keyed
digest of its words as a proof (RFC 2104). The token itself is never sent: who listens on the wire can repeat a request,
but can't make another one. The token is in a file or in the environment, where `ps` does not show it.
"""

import hmac
import ipaddress
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from captures.console.errors import InputError, PreflightError
from captures.console.terminal import notice

VARIABLE: Final = "STAMPEDE_SINK_TOKEN"
_PROOF: Final = "proof"
_LEAST, _MOST = 16, 256


def proved(words: Sequence[str], token: str | None) -> list[str]:
    """The words of a request, preceded by the proof that the asker has the token; without a token, only the words."""
    return list(words) if token is None else [_PROOF, _digest(words, token), *words]


def checked(words: Sequence[str], token: str | None) -> Sequence[str]:
    """The words after the proof. Raises InputError when there is a token and the request does not prove it."""
    proof, bare = (words[1], words[2:]) if words[0] == _PROOF and len(words) > 2 else (None, words)
    if token is None:
        return bare
    if proof is None:
        raise InputError(f"the sink asks for its token: give it with --sink-token-file, or as {VARIABLE}")
    if not hmac.compare_digest(proof.encode(errors="replace"), _digest(bare, token).encode()):
        raise InputError("the token is not the sink's; take the one that it printed, or its --sink-token-file")
    return bare


def _digest(words: Sequence[str], token: str) -> str:
    return hmac.new(token.encode(), json.dumps(list(words)).encode(), "sha256").hexdigest()


def token_of_asker(path: Path | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """The token of a client that asks; None: it has no token. Raises InputError."""
    if path is not None:
        return _read(path)
    return _sound(environment[VARIABLE], f"${VARIABLE}") if environment.get(VARIABLE) else None


def token_of_sink(path: Path | None, address: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The token that a sink which publishes at `address`, in numbers, demands; None: none is needed, on loopback.

    A file that does not exist is made. If neither file nor variable is given, a random token is made. The user is told.
    Raises InputError, and PreflightError where the file can't be made.
    """
    if path is not None and not path.exists():
        _make(path)
        notice(f"made {path}, the token of this sink: give `replay run` a copy by --sink-token-file")
    token = token_of_asker(path, environment)
    if token is None and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        token = secrets.token_hex(16)
        notice(f"who asks this sink needs its token: export {VARIABLE}={token}")
    return token


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(2 * _MOST)
    except OSError as error:
        raise InputError(f"--sink-token-file {path}: {error.strerror}; name the file that the sink has") from None
    return _sound(text.decode(errors="replace").strip(), f"--sink-token-file {path}")


def _make(path: Path) -> None:
    """A new file that only its owner can read."""
    try:
        with open(path, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_hex(16) + "\n")
    except OSError as error:
        raise PreflightError(f"--sink-token-file {path}: can't be made: {error.strerror}; name another place") from None


def _sound(token: str, where: str) -> str:
    if not _LEAST <= len(token) <= _MOST or not token.isascii() or not token.isprintable():
        raise InputError(
            f"{where}: a token is {_LEAST} to {_MOST} plain characters; make one with `openssl rand -hex 16`"
        )
    return token
