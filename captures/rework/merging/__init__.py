"""How do several captures become one? Their events are put in one line by their instants."""
