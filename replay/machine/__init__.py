"""The cores and cards of this host, and what a run claims of them."""
