"""From a capture to packets and lines: which events, in which order, when, from where to where."""
