"""When is a file a sound capture? The sections of each version, and the conditions that their tables must meet."""
