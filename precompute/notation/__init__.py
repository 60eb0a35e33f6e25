"""How a profile is written: YAML, templates, texts, and what is said of a mistake in them."""
