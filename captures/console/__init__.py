"""What all commands share at their edge: errors become exit codes, units become values, and text becomes harmless."""
