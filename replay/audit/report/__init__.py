"""What does an audit report? Its fields, how they are made, and how they are shown to people."""
