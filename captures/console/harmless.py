"""Text that comes from elsewhere, made fit for a terminal."""


def harmless(text: str) -> str:
    """`text` with whatever is not printable escaped: what comes from elsewhere can't drive the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
