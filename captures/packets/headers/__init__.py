"""Which message a packet holds, and from where to where it went: what the headers in front of it say."""
