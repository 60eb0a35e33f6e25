"""What was sent against what arrived: port by port, to the event, with place and time of what was lost."""
