"""Which token takes the place of a value: a keyed, injective mapping for each kind, which needs no memory."""
