"""What bots see: the voice client and its surfaces."""
