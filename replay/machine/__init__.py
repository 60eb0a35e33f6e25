"""Which cores and network cards this host has, and what a run claims of them."""
