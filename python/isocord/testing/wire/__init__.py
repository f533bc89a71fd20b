"""Formats and sockets."""
