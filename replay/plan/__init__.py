"""How a run is planned: all that is decided before anything starts."""
