"""What ends the reading of a container early."""


class Fault(Exception):
    """What is wrong with a container at the place of its window."""
