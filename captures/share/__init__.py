"""Captures that travel: packed, kept in a cache, and carried to another lab and from there, block by block."""
