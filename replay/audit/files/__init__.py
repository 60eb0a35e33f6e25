"""How are the files of a collector read? They are unpacked, whatever packed them, and followed while they grow."""
