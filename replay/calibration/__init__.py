"""Trials that measure what this machine can send."""
