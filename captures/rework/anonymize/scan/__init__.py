"""Where in the text of an event a value stands that tells of a person, a host or a network."""
