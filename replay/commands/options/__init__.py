"""Which flags do the commands have? One file for each group: it turns the flags into a frozen value, and no more."""
