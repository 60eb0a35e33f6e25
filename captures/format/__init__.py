"""The .rcap file: its layout, its reader and its writer, and the stamps and tags inside its events."""
