"""``isocord demo``: a song through a busy bot to a listener, by way of the fake Discord."""
