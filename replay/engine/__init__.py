"""The process that sends: what is due is staged, stamped, sent and counted."""
