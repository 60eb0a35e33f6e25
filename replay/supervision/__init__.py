"""How the workers of a run are started, watched, healed and ended."""
