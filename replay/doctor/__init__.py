"""What would keep a run from its rate? Checks of this machine, its network and a capture, before the run."""
