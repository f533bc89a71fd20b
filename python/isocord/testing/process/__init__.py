"""The fake in a process of its own."""
