"""How a user gives commands to a run while it goes on."""
