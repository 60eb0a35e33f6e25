"""Kernels that find the user behind a word that announces one, as sshd, PAM, sudo, su and Windows write it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from captures.rework.anonymize.scan.forms import WORD
from captures.rework.anonymize.scan.vocabulary import (
    BEFORE_FROM,
    BEFORE_ID,
    BEHIND_COLON,
    BEHIND_EQUALS,
    BEHIND_SPACE,
    PATH,
)
from captures.rework.anonymize.tokens.names import LABEL

MOST_BYTES: Final = 255
"""A longer word is no user."""
_MOST_SPACES: Final = 16
_SPACE, _TAB, _EQUALS, _COLON, _OPEN, _CLOSE, _SLASH, _BACK, _QUOTE, _DOUBLE, _POINT, _AT, _BRACKET = (
    ord(letter) for letter in " \t=:()/\\'\".@]"
)
_ENDS: Final = np.array([byte < 33 or byte == 127 or chr(byte) in "'\",;()[]{}<>|=&:/`" for byte in range(256)])
"""The bytes at which the name of a user ends."""


def _text(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8).copy()


_FROM, _ID, _COLON_AFTER, _NAME, _TO, _ON = (_text(text) for text in (" from ", "(uid=", " : ", "name", "(to ", " on "))


@kernel
def follows(buffer: NDArray[np.uint8], at: int, end: int, text: NDArray[np.uint8]) -> bool:
    """Whether a text stands at `at`, in small letters or capitals."""
    if at + len(text) > end:
        return False
    for i in range(len(text)):
        byte = buffer[at + i]
        if byte != text[i] and (byte | 0x20 != text[i] or not WORD[byte]):
            return False
    return True


@kernel
def passed(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """The place behind the spaces and tabs at `at`; some at most."""
    last = min(end, at + _MOST_SPACES)
    while at < last and (buffer[at] == _SPACE or buffer[at] == _TAB):
        at += 1
    return at


@kernel
def is_apostrophe(buffer: NDArray[np.uint8], first: int, at: int, end: int) -> bool:
    """Whether an apostrophe stands at `at`, between two letters of a word that begins at `first`."""
    if buffer[at] != _QUOTE or at <= first or at + 1 >= end:
        return False
    return bool(LABEL[buffer[at - 1]] and LABEL[buffer[at + 1]])


@kernel
def user_from(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The place and the end of the user at `at`, which may stand in quotes; equal: there is none.

    An apostrophe between two letters is a part of it, as in o'brien, unless it stands in such quotes.
    """
    quoted = at < end and buffer[at] in (_QUOTE, _DOUBLE)
    if quoted:
        at += 1
    behind, last = at, min(end, at + MOST_BYTES + 1)
    while behind < last and (not _ENDS[buffer[behind]] or (not quoted and is_apostrophe(buffer, at, behind, end))):
        if buffer[behind] == _AT:  # an e-mail address, which the scan finds by itself
            return at, at
        behind += 1
    while behind > at and buffer[behind - 1] == _POINT:
        behind -= 1
    return at, behind if behind - at <= MOST_BYTES else at


@kernel
def user_behind(buffer: NDArray[np.uint8], start: int, word: int, at: int, end: int, meaning: int) -> tuple[int, int]:
    """The place and the end of the user that a word from `word` to `at` announces; equal: none.

    `meaning` has the bits of the vocabulary, and the event is from `start` to `end`.
    """
    if at >= end:
        return at, at
    if meaning & BEHIND_EQUALS:
        first, behind = user_behind_equals(buffer, at, end)
        if behind > first:
            return first, behind
    if buffer[at] == _SPACE:
        first, behind = user_behind_space(buffer, at + 1, end, meaning)
        if behind > first:
            return first, behind
    if meaning & BEHIND_COLON:
        return user_behind_colon(buffer, at, end)
    if meaning & PATH and word > start and buffer[at] in (_SLASH, _BACK) and buffer[word - 1] == buffer[at]:
        first, last = user_from(buffer, at + 1, end)
        behind = first
        while behind < last and buffer[behind] != _BACK:
            behind += 1
        return first, behind
    return at, at


@kernel
def user_behind_space(buffer: NDArray[np.uint8], at: int, end: int, meaning: int) -> tuple[int, int]:
    """The user at `at`, if what a word means, or what stands behind the user, says that it is one."""
    first, behind = user_from(buffer, at, end)
    if behind == first:
        return at, at
    if meaning & BEHIND_SPACE and (behind == end or buffer[behind] != _EQUALS):
        if follows(buffer, first, behind, _NAME):
            return user_behind_equals(buffer, first + len(_NAME), end)
        return first, behind
    if meaning & BEFORE_FROM and follows(buffer, behind, end, _FROM):
        return first, behind
    if meaning & BEFORE_ID and follows(buffer, behind, end, _ID):
        return first, behind
    return at, at


@kernel
def user_behind_equals(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The user in `=bob`, `="bob"`, `: bob`, `":"bob"`, which stands at `at`."""
    if at < end and buffer[at] in (_QUOTE, _DOUBLE, _BRACKET):
        at += 1
    if at >= end or buffer[at] not in (_EQUALS, _COLON):
        return at, at
    return user_from(buffer, passed(buffer, at + 1, end) if buffer[at] == _COLON else at + 1, end)


@kernel
def user_behind_colon(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The user in `:  bob : TTY=` of sudo, and in `: (to root) bob on` of su; a number in brackets may be before it."""
    last = min(end, at + _MOST_SPACES)
    while at < last and buffer[at] != _COLON:
        at += 1
    if at >= last:
        return at, at
    at = passed(buffer, at + 1, end)
    after = _COLON_AFTER
    if follows(buffer, at, end, _TO):
        _, at = user_from(buffer, at + len(_TO), end)
        if at + 1 >= end or buffer[at] != _CLOSE or buffer[at + 1] != _SPACE:
            return at, at
        at, after = at + 2, _ON
    first, behind = user_from(buffer, at, end)
    return first, behind if follows(buffer, behind, end, after) else first


@kernel
def of_domain(buffer: NDArray[np.uint8], start: int, at: int, mark: int, end: int) -> tuple[int, int]:
    r"""The user's place and end in `DOMAIN\user`, whose backslash is at `mark`; -1: there is none, or it is a path.

    In JSON there are two backslashes.
    """
    first = mark + 2 if mark + 1 < end and buffer[mark + 1] == _BACK else mark + 1
    if first >= end or buffer[mark] != _BACK or not LABEL[buffer[first]]:
        return -1, -1
    if at > start and buffer[at - 1] in (_BACK, _SLASH, _COLON, _POINT):
        return -1, -1
    behind, last = first, min(end, first + MOST_BYTES)
    while behind < last and (LABEL[buffer[behind]] or buffer[behind] == _POINT):
        behind += 1
    if behind < end and buffer[behind] in (_BACK, _SLASH):
        return -1, -1
    while buffer[behind - 1] == _POINT:
        behind -= 1
    return first, behind
