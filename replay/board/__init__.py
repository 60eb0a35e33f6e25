"""Memory that the supervisor and its workers share."""
