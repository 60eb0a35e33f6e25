"""The `.rcap` capture format: written and read only here.

`format` draws the bytes, `writer` makes a file, `reader` maps one, `digests` checks one. `precompute` and
`replay` both stand on this package and never on each other, so what both commands share at their edge
lives here too: `errors`, `units` and `command`.
"""

__version__ = "0.1.0"
