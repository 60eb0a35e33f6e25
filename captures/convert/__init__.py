"""How what was captured elsewhere becomes an .rcap capture, and how a capture becomes pcap or text."""
