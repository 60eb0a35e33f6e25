"""Where carried captures lie: a folder, a web server, S3, or what else fsspec knows, by one URL.

    URL/blocks/3f/3f9a...e1.zst    each block, named after the BLAKE3 of its plain bytes
    URL/lab.rcap.json              a manifest of each capture
    URL/lab.rcap.sha256            its list for sha256sum(1)

Captures that have blocks in common share them. Each transfer is tried again where the network may be to blame, and no
more is read than the caller allows, whatever the other side sends.
"""

import random
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from captures.console.errors import InputError, PreflightError, RunError, StampedeError
from captures.console.harmless import harmless
from captures.console.units import counted
from captures.files.output_file import FULL, write_file
from captures.files.room import filling
from captures.files.small_file import read_small

Result = TypeVar("Result")

TRIES: Final = 6
_FIRST_WAIT_S: Final = 0.25
_MOST_WAIT_S: Final = 8.0
_SILENCE_S: Final = 30
"""So long a server may send nothing before a transfer counts as broken."""
_READ_BYTES: Final = 1 << 20

_LOCAL: Final = ("file", "local")
_FOLDERS: Final = ("sftp", "ssh", "ftp", "smb")
"""Protocols by which a file can be seen while it is written, and must be renamed when it is whole."""
_WEB: Final = ("http", "https")
EXTRAS: Final = {
    **dict.fromkeys(("http", "https"), "http"),
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("sftp", "ssh"), "sftp"),
}
"""Which extra of the package brings what a protocol needs."""
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_REDIRECTS: Final = {
    "TooManyRedirects": "the server redirects without end",
    "NonHttpUrlRedirectClientError": "the server redirects to what is no web address",
    "InvalidUrlRedirectClientError": "the server redirects to what is no web address",
}
"""What errors of aiohttp mean that say it badly, by the names of their classes."""
_FINAL: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError)
"""Errors that no further try mends, whatever the protocol; NotImplementedError is one as well."""


class Store:
    """A place for blocks and manifests. Threads may use it at the same time."""

    def __init__(self, url: str) -> None:
        """Say where it is; nothing is asked yet.

        Raises InputError for a URL that can't be one, and PreflightError where the library for it is missing.
        """
        scheme = _SCHEME.match(url)
        self._protocol = scheme[1].lower() if scheme else "file"
        url = _trimmed(url, self._protocol)
        self.url = _shown(url)
        """For people: without a password."""
        self._secret = url.rsplit("://", maxsplit=1)[-1].partition("@")[0] if "@" in url else ""
        if "::" in url or not url:
            raise InputError(f"{self.url}: is no plain URL; write it like s3://bucket/folder")
        if self._protocol in _WEB and (urlsplit(url).query or urlsplit(url).fragment):
            raise InputError(f"{self.url}: has a query, which fits this one file and not the blocks beside it")
        if self._protocol in (*_WEB, *_FOLDERS) and not _has_port(url):
            raise InputError(f"{self.url}: its port is none; write a number from 1 to 65535")
        self._fs, self._root = self._open(url)
        if self._protocol in _LOCAL:
            self._check_folder()
        self._stopped = threading.Event()
        self._failure = f"{self.url}: the transfer was given up"
        """Why transfers end, for those as well that another one's failure ends."""

    def _open(self, url: str) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # noqa: PLC0415 - it takes a while to load

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        try:
            if self._protocol in _WEB:
                from aiohttp import ClientTimeout  # noqa: PLC0415 - it may be missing

                timeout = ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
                options["client_kwargs"] = {"timeout": timeout, "headers": {"Accept-Encoding": "identity"}}
            fs, root = url_to_fs(url, **options)
        except ImportError:
            extra = EXTRAS.get(self._protocol)
            mend = f"pip install 'stampede[{extra}]'" if extra else "install the package of fsspec for it"
            raise PreflightError(f"{self.url}: {self._protocol}:// needs a library that is missing; {mend}") from None
        except Exception as error:  # noqa: BLE001 - the libraries have errors of their own
            raise InputError(f"{self.url}: can't be used: {self._told(error)}") from None
        return fs, str(root).rstrip("/")

    def _check_folder(self) -> None:
        """Raise InputError where no folder can be, since what stands there is another kind of file."""
        place = Path(f"{self._root}/")
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise InputError(f"{self.url}: {place} is no folder; name one")

    def stop(self) -> None:
        """Let all transfers end soon, since nobody waits for them."""
        self._stopped.set()

    def path(self, name: str) -> Path | None:
        """Where a file of the store is on this machine; None: the store is elsewhere."""
        return Path(f"{self._root}/{name}") if self._protocol in _LOCAL else None

    def where(self, name: str) -> str:
        """What a file of the store is called, for people."""
        return f"{self.url.removesuffix('/')}/{name}"

    def has(self, name: str) -> bool:
        """Whether there is such a file. Raises RunError."""
        try:
            return self._tried(name, lambda path: bool(self._fs.info(path)))
        except FileNotFoundError:
            return False

    def get(self, name: str, most_bytes: int) -> bytes:
        """The bytes of a file. Raises FileNotFoundError, InputError where it is larger, and RunError."""
        data = self._tried(name, lambda path: self._read(path, most_bytes + 1))
        if len(data) > most_bytes:
            raise InputError(f"{self.where(name)}: is larger than {counted(most_bytes, 'byte')}, as it can't be")
        return data

    def put(self, name: str, data: bytes, inputs: Iterable[Path] = ()) -> None:
        """Write a file, which is whole or not there. Raises RunError, and InputError where it is one of `inputs`."""
        with filling(Path(self.where(name))):
            try:
                self._tried(name, lambda path: self._write(path, data, inputs))
            except FileNotFoundError as error:
                raise RunError(f"{self.where(name)}: can't be written: {self._told(error)}") from None

    def _read(self, path: str, most_bytes: int) -> bytes:
        if self._protocol in _LOCAL:
            return read_small(Path(path), most_bytes)[0]
        if self._protocol not in _WEB:
            return bytes(self._fs.cat_file(path, start=0, end=most_bytes))
        parts, size = [], 0
        # With a block size of 0 it is read as it comes, and with any size fsspec does not ask for the length before.
        with self._fs.open(path=path, mode="rb", block_size=0, size=most_bytes) as stream:
            while size < most_bytes and (part := stream.read(min(_READ_BYTES, most_bytes - size))):
                parts.append(part)
                size += len(part)
                if self._stopped.is_set():
                    break
        return b"".join(parts)

    def _write(self, path: str, data: bytes, inputs: Iterable[Path]) -> None:
        if self._protocol in _LOCAL:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            write_file(Path(path), data, force=True, inputs=inputs)
            return
        if self._protocol not in _FOLDERS:
            self._fs.pipe_file(path, data)
            return
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        part = f"{path}.{random.getrandbits(64):016x}.part"
        self._fs.pipe_file(part, data)
        self._fs.mv(part, path)

    def _tried(self, name: str, act: Callable[[str], Result]) -> Result:
        """Act on a file, again after a while where that may help. Raises FileNotFoundError, and RunError."""
        path, wait_s = f"{self._root}/{name}", _FIRST_WAIT_S
        for tries_left in reversed(range(TRIES)):
            if self._stopped.is_set():
                raise RunError(self._failure)
            try:
                return act(path)
            except (FileNotFoundError, StampedeError):
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in FULL:
                    raise
                if not tries_left or self._is_final(error):
                    self._failure = f"{self.where(name)}: {self._told(error)}"
                    self.stop()  # before another thread begins what is given up now
                    raise RunError(self._failure) from None
            self._stopped.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait_s = min(2 * wait_s, _MOST_WAIT_S)
        raise AssertionError("the last try returns or raises")

    def _is_final(self, error: Exception) -> bool:
        status = getattr(error, "status", None)
        refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 425, 429)
        refused = refused or type(error).__name__ in _REDIRECTS
        return refused or self._protocol in _LOCAL or isinstance(error, (*_FINAL, NotImplementedError))

    def _told(self, error: Exception) -> str:
        """What an error of a library says, in one line and without a password."""
        if known := _REDIRECTS.get(type(error).__name__):
            return known
        status, message = getattr(error, "status", None), getattr(error, "message", "")
        text = f"the server says {status} {message}" if status else str(error) or type(error).__name__
        text = text.replace(self._secret, "...") if self._secret else text
        return harmless(" ".join(text.split()))[:300]


def _shown(url: str) -> str:
    """A URL without its password."""
    scheme, between, rest = url.partition("://")
    user, at, place = rest.rpartition("@") if between and "@" in rest.partition("/")[0] else ("", "", rest)
    return harmless(f"{scheme}{between}{user.partition(':')[0]}{at}{place}")


def _trimmed(url: str, protocol: str) -> str:
    """A URL without slashes at its end, but for those of a root: `/`, and `file:///`."""
    bare = url.rstrip("/")
    if url and not bare:
        return "/"
    return f"{bare}///" if bare.lower() == f"{protocol}:" else bare


def _has_port(url: str) -> bool:
    """Whether a URL has a port that is one, or none."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def block_name(digest: bytes) -> str:
    """Where a block lies in a store."""
    text = digest.hex()
    return f"blocks/{text[:2]}/{text}.zst"
