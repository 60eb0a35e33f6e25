"""What the kernel says of cards, routes and sockets."""
