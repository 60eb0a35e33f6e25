"""What lies in several packets is put together: fragments of IP, streams of TCP, and the messages in them."""
