"""How events get to the target: its address, the device, the next hop, the headers and the sources."""
