"""Renders a profile into a capture; knows nothing of sockets."""
