"""A kernel makes no array: without numba's runtime (`_nrt`) the process would end at once, by SIGSEGV."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
MAKING = {
    *("array", "arange", "ascontiguousarray", "concatenate", "empty", "empty_like", "full", "full_like", "ones"),
    *("ones_like", "zeros", "zeros_like", "frombuffer", "unique", "where", "nonzero", "repeat", "diff", "flatnonzero"),
    *("copy", "astype", "sort", "argsort", "cumsum", "tolist", "list", "dict", "set", "str"),
}


def kernels() -> Iterator[tuple[str, ast.FunctionDef, set[str]]]:
    """Each function of the packages that is compiled, with its place and its decorators."""
    for package in ("captures", "precompute", "replay"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if not isinstance(node, ast.FunctionDef):
                    continue
                decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
                if decorators & {"kernel", "long_kernel", "allocating_kernel"}:
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node, decorators


def makes_arrays(function: ast.FunctionDef) -> bool:
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    displays = (ast.List, ast.ListComp, ast.Dict, ast.Set, ast.JoinedStr)
    return bool(names & MAKING) or any(isinstance(node, displays) for node in ast.walk(function))


def test_only_those_kernels_make_arrays_that_say_so() -> None:
    found = {where for where, function, decorators in kernels() if makes_arrays(function)}
    said = {where for where, _, decorators in kernels() if "allocating_kernel" in decorators}
    assert len(found) > 5
    assert found == said
