"""The figures of a run, the verdict on it, and what people are shown."""
