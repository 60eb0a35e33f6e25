"""How stamps are written: the kinds there are, and the kernels that write and read the text of each."""
