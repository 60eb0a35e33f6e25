"""The error of an input that is sound up to some place: what was read of it before is good."""

from captures.console.errors import ExitCode, StampedeError


class BrokenInput(StampedeError):
    """An input is damaged, cut or foreign from some place on; all that stands before it was handed on."""

    exit_code = ExitCode.MISSED

    def __init__(self, name: str, where: str, why: str) -> None:
        """`name`: of the input; `where`: such as "byte 4,096"; `why`: a sentence part."""
        super().__init__(f"{name}: {where}: {why}")
        self.name, self.where, self.why = name, where, why


class Interrupted(BrokenInput):
    """A signal asked to end while a pipe was read: what came by it until then is good, and is all that there will be.

    `tcpdump -w - | captures import -` is ended by Ctrl-C, which both get. It is how such a capture ends, and no fault.
    """

    exit_code = ExitCode.INTERRUPTED
