"""How a capture loses what tells of people and networks, and keeps its lengths, its trains and its instants."""
