"""How is a whole run, or a whole sink, carried out? Commands and other programs call these; they know no flags."""
