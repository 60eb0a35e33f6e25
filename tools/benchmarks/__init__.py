"""What this machine can do: builds, sends and deliveries, measured beside other tools in one run."""
