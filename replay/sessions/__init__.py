"""Whole jobs, as a command or a program starts them: a run, and a sink. They know no flags."""
