"""How a worker process sends: it stages, stamps, sends and counts the events that are due."""
