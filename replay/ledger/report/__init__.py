"""What does a ledger report? Its fields, how they are made, and how they are shown to people."""
