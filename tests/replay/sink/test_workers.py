import pytest

from replay.sink.workers import sink_cores


@pytest.mark.parametrize(
    ("cpus", "cores"),
    [({0}, [0]), ({0, 1}, [0, 1]), ({0, 1, 2, 3}, [3, 2, 0, 1]), ({4, 5, 6}, [6, 5, 4]), ({1}, [1])],
)
def test_a_sender_on_the_same_machine_and_the_sink_begin_on_different_cores(cpus: set[int], cores: list[int]) -> None:
    assert sink_cores(cpus) == cores
