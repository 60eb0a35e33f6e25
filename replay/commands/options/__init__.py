"""The flags of the commands, one file for each group: they become frozen values, and decide nothing."""
