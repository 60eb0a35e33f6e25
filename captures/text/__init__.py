"""What a line of syslog says, and how log files become messages: nothing here knows of packets."""
