"""What happened on a collector's host? What its sockets dropped, who reads from them, which losses that explains."""
