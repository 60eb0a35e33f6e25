"""Sends a capture over the network and receives it; knows nothing of profiles."""
