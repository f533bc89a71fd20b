"""Voice carried by a real Ray cluster of several raylets on this machine: ``make cluster``."""
