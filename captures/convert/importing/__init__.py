"""From packets and lines to a capture: events, trains, the whole way, and what is told of it."""
