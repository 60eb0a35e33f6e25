"""How tools start what they are tools of."""

import sys


def command(name: object, *arguments: object) -> list[str]:
    """The command line of `replay` or `precompute`, of this interpreter's."""
    return [sys.executable, "-c", f"from {name}.entry import main; main()", *map(str, arguments)]
