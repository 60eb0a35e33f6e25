"""Did everything that was sent arrive? Compared port by port and to the event, with place and time of each loss."""
