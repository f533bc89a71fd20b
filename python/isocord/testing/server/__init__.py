"""All parts put together, on a thread of their own."""
