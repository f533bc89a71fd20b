"""Bots are type-checked as they should be; the environments of the other bot libraries run ``check.py`` as well."""

from __future__ import annotations

import sys

import pytest

from .check import differences


@pytest.mark.timeout(600)
def test_what_type_checkers_say_of_a_bot() -> None:
    assert differences(sys.executable) == []
