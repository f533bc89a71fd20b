"""The command `isocord`."""
