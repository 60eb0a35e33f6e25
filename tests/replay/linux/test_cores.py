from pathlib import Path

import pytest

from replay.linux.cores import memory_nodes, parse_cpu_list, siblings


@pytest.mark.parametrize(
    ("text", "cpus"), [("", set()), ("3\n", {3}), ("0-2,8", {0, 1, 2, 8}), ("0-1,4-5\n", {0, 1, 4, 5})]
)
def test_a_list_of_cores(text: str, cpus: set[int]) -> None:
    assert parse_cpu_list(text) == cpus


def test_nodes_and_threads_as_sysfs_has_them(tmp_path: Path) -> None:
    for cpu, node, threads in ((0, 0, "0,2"), (1, 1, "1,3"), (2, 0, "0,2")):
        (tmp_path / f"cpu{cpu}" / f"node{node}").mkdir(parents=True)
        (tmp_path / f"cpu{cpu}" / "topology").mkdir()
        (tmp_path / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(f"{threads}\n")

    assert memory_nodes([0, 1, 2, 3], tmp_path) == {0: 0, 1: 1, 2: 0}
    assert siblings([0, 1, 3], tmp_path) == {0: {0, 2}, 1: {1, 3}, 3: {3}}
