"""One way of putting trains on the network per file."""
