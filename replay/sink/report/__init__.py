"""What does a sink report at its end? Counts, losses, cut events and intervals with trouble."""
