"""When each event is due, and on which lane. No module here reads a clock: time is an argument."""
