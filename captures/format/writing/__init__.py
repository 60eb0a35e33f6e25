"""How a capture is written: with all sizes known before the first byte, or as it comes."""
