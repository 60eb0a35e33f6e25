"""What a note tells of how a capture came to be: all that its origin's said, and one more step."""

from typing import Any


def with_step(note: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    """The note of a capture that was made of one with `note`, by `step`; its steps stand in `history`, the last behind.

    Each step says what was done, of which parents (their digests), and with how many events.
    """
    before = note.get("history")
    return {**note, "history": [*(before if isinstance(before, list) else []), step]}
