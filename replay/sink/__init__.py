"""How are events received and counted? The receiving processes, their shared counters, and the report."""
