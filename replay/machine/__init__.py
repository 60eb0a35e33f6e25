"""Which cores and network cards this host has, and which privileges its workers get."""
