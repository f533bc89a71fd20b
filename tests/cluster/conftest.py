"""These take their time and processes of their own: they run where Ray is, which is where `make cluster` puts it."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("ray") is None:
    collect_ignore_glob = ["test_*.py"]
