"""The sound desk: what is made of several sources."""
