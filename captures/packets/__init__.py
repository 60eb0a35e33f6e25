"""Packets that were captured elsewhere: where they stand in files, what their headers say, and how they are written."""
