"""How the rate of a profile changes with time."""
