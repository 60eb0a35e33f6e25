"""Which event is due when, and on which lane. Pure: time is an argument."""
