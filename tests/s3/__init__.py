"""Recordings that are uploaded to servers of S3, in an environment of its own: ``nox -s s3``."""
