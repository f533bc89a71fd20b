"""What a test holds."""
