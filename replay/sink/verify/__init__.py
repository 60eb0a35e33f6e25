"""What a message received says: its stamp, its tag, and the place of its number among those of its port."""
