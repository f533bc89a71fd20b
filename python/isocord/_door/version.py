"""The version, as it was installed; Cargo.toml says it."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("isocord")
