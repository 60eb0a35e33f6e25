"""The receiver and the ledger: what arrived, against what was sent."""
