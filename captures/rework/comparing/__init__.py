"""What differs between two captures: which events are the same, and what became of the others."""
