"""Scripted users."""
