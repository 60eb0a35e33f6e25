"""What a placeholder of a template can stand for."""
