"""``isocord doctor``: what this machine and this environment have, and what to do about what they lack."""
