"""System calls that send and receive many packets at once."""
