"""The same random numbers everywhere, and counts that are exact to one event."""
