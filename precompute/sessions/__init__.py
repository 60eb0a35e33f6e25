"""How a whole build goes, called by a command or by a program."""
