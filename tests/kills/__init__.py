"""Recordings of processes that are killed at random moments: ``python -m tests.kills``."""
