"""The preflight: what of this machine, its network and a capture would keep a run from its rate."""
