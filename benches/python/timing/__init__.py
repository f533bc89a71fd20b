"""The parts of ``send_timing.py``."""
