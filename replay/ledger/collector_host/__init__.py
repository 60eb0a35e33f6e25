"""Where on the collector's host were a ledger's events lost? Its losses are compared with that host's counters."""
