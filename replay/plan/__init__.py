"""A run as it is decided before anything starts."""
