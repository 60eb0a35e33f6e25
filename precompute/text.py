"""Text that may stand in an event, and text that may be shown on a terminal."""


def printable(text: str) -> str:
    """`text` as it is; raises ValueError if it is empty or could move a terminal's cursor or break a line.

    Refused is what Unicode calls other or a separator, except the space: controls, line ends, bidirectional
    overrides, unassigned and surrogate code points.
    """
    if not text:
        raise ValueError("must not be empty")
    for position, character in enumerate(text, 1):
        if not character.isprintable():
            raise ValueError(f"character {position} is U+{ord(character):04X}, which is not printable")
    return text


def harmless(text: str) -> str:
    """`text` with whatever is not printable escaped: what comes from elsewhere can't drive the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
