"""The files of a collector, opened whatever packs them, and followed while they grow."""
