"""How a batch of events is handed to the kernel: a base class, and one module for each way."""
