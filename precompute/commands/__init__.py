"""The commands of `precompute`, a file for each kind of thing they are given."""
