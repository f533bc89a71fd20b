"""Voice gateway and voice server."""
