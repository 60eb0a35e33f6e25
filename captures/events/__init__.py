"""Where the events of a capture are, and when each of them was; and tables with a row for each, on the disk."""
