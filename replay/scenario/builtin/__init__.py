"""The scenarios that come with the tool, a file each."""
