"""The host of a collector: what its sockets dropped, who reads them, and what that explains."""
