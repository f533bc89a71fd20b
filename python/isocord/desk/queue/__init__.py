"""Sources one after the other: :class:`isocord.Queue`, its entries and its events."""
