"""What is done with captures that are there: they are printed, sliced, merged, compared."""
