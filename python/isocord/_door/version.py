"""The version. It stands here, and not only in Cargo.toml, for frozen bots have no metadata of packages."""

from __future__ import annotations

__version__ = "0.2.0"
