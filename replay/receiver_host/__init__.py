"""What happened on the host that receives? What its sockets dropped, who reads from them, what the host counted."""
