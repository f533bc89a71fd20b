"""Recordings, written by native sinks or by those of bot libraries."""
