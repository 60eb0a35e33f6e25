from typing import Self

import pytest

from captures.compiled import readiness
from captures.compiled.readiness import is_ready, make_ready


class Bar:
    """Stands for a bar of tqdm, and remembers what it was to show."""

    shown: list[tuple[str, int]]

    def __init__(self, *, total: int, desc: str, bar_format: str) -> None:
        assert "{bar}" in bar_format
        self.desc, self.total, self.done = desc, total, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shown.append((self.desc, self.total - self.done))

    def update(self) -> None:
        self.done += 1


@pytest.fixture
def shown(monkeypatch, tmp_path) -> list[tuple[str, int]]:
    """What each bar said, and how much it left undone; compiled code is kept in a new folder."""
    monkeypatch.setattr(readiness, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(readiness, "bar", Bar)
    monkeypatch.setattr(Bar, "shown", [], raising=False)
    return Bar.shown


def test_a_bar_is_shown_the_first_time_only(shown):
    calls = []
    steps = [lambda: calls.append(1), lambda: calls.append(2)]
    assert not is_ready("the sender")
    for times in (1, 2):
        make_ready("the sender", steps)
        assert calls == [1, 2] * times
        assert shown == [("compiling the sender, once", 0)]
        assert is_ready("the sender")
    assert not is_ready("the sink")


def test_what_failed_is_not_ready(shown):
    def fails() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        make_ready("the sender", [fails])
    assert shown == [("compiling the sender, once", 1)]
    assert not is_ready("the sender")
