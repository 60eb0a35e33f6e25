"""What the commands take and say that print, slice, merge and compare captures."""
