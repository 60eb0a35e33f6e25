"""What does a received message say? Its stamp, its tag, and whether its number was lost, repeated or out of order."""
