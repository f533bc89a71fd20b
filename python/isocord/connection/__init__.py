"""One connection to a voice channel: decides (decisions), does."""
