"""What did a run do, and did it pass? Its figures, the verdict on it, and the table for people."""
