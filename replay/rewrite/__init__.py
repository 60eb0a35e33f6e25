"""What is written into events while they are sent: the current time, and the run's tags."""
