"""Starting, watching, healing and ending the workers of a run."""
