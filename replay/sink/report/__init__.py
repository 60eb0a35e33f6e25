"""The report of a sink."""
