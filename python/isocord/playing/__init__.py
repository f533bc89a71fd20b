"""Sound out."""
