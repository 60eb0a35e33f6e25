"""From what a user names to bytes: files, folders, pipes, rotated and packed ones, in the order of time."""
