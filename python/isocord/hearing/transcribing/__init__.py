"""Recordings that are over, cut into utterances and transcribed."""
