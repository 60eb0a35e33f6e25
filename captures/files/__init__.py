"""Files on disk: written whole or not at all, and held open while they are read."""
