"""Did a collector write everything that was sent? The files that it wrote are compared by the tags in them."""
