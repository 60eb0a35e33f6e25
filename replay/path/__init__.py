"""How events get to the target: address, device, next hop, headers and sources."""
