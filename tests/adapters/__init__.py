"""Adapters, each against the framework that it is for, in an environment of its own: ``nox -s pipecat``."""
