"""Captures, the files between `precompute` and `replay`, and what the commands of both have in common.

`format` owns the `.rcap` file: nothing else writes or reads its bytes. `files` owns how any file is written and held
open. `console` owns the edge of the commands: flags, errors and exit codes, signals, and what a terminal is shown.
`precompute` and `replay` both stand on this package, and never on each other.
"""

__version__ = "0.1.0"
