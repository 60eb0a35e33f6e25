"""What is written into events while they are sent: the time stamps, and the run's tags."""
