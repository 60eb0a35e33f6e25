"""Where the `replay` command starts: it handles signals first, because loading the rest takes a while."""

from typing import NoReturn

from captures.console import interruption


def main() -> NoReturn:
    """Run the console command `replay`."""
    interruption.leave_at_once("replay")
    from replay import cli  # noqa: PLC0415 - see above

    cli.main()
