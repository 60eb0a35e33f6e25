"""A run is told things while it goes on."""
