"""Text that may stand in an event."""


def checked_text(text: str) -> str:
    """`text` as it is; raises ValueError if it is empty or could move a terminal's cursor or break a line.

    Refused is what Unicode calls other or a separator, except the space: controls, line ends, bidirectional
    overrides, unassigned and surrogate code points.
    """
    if not text:
        raise ValueError("must not be empty")
    if not text.isprintable():
        position, character = next((at, one) for at, one in enumerate(text, 1) if not one.isprintable())
        raise ValueError(f"character {position} is U+{ord(character):04X}, which is not printable")
    return text
