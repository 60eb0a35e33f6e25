"""The ways to hand a batch to the kernel."""
