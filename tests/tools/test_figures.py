"""Figures of repeated measurements."""

from tools.benchmarks.figures import Figure, Missing, in_turns, table


def test_ways_are_measured_in_turns_and_what_is_missing_is_left_out() -> None:
    order: list[str] = []

    def measured(name: str) -> float:
        order.append(name)
        return float(len(order))

    def missing() -> float:
        order.append("none")
        raise Missing("it is not installed")

    figures = in_turns("send", {"a": lambda: measured("a"), "b": missing, "c": lambda: measured("c")}, rounds=3)

    assert order == ["a", "none", "c", "a", "c", "a", "c"]
    assert figures == [
        Figure("send", "a", [1.0, 4.0, 6.0]),
        Figure("send", "b", missing="it is not installed"),
        Figure("send", "c", [3.0, 5.0, 7.0]),
    ]
    assert figures[1].median_eps == 0
    assert figures[1].as_json()["missing"] == "it is not installed"
    assert "b" in table(figures)
    assert "not measured: it is not installed" in table(figures)
