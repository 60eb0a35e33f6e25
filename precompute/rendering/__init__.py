"""A profile and its recipe become the bytes of a capture."""
