"""What exists in the fake Discord, and what happened."""
