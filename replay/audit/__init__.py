"""What others received: the files that a collector wrote, reconciled by the tags in them."""
