"""The commands of `captures`, a file for each."""
