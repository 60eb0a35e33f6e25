"""Lists of values that come with the tool, one text file each, one value a line."""
