"""What the supervisor and its workers tell each other, through memory that they share."""
