"""Sends a capture over the network and receives it. This package does not know profiles."""
