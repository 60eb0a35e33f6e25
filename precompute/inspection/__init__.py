"""What a finished capture holds, measured from its bytes."""
