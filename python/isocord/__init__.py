"""isocord: a voice client for Discord bots whose audio never stutters."""
