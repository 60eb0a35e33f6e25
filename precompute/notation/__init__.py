"""What only a profile has in its YAML: templates with placeholders, and what a check of the whole finds."""
