"""How hot loops become machine code: the decorator that all kernels have, and where their compiled code is kept."""
