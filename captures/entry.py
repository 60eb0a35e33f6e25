"""Where the `captures` command starts: it takes the signals before all else is loaded, which takes a while."""

from typing import NoReturn

from captures.console import interruption


def main() -> NoReturn:
    """The console command."""
    interruption.leave_at_once("captures")
    from captures import cli  # noqa: PLC0415 - see above

    cli.main()
