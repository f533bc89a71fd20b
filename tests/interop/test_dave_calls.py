"""isocord, davey and libdave in the same encrypted calls: groups, keys, codes."""

from __future__ import annotations

import itertools

import pytest

from .dave_call import call_of
from .dave_witnesses import KINDS

PAIRS = list(itertools.product(KINDS, repeat=2))
MIXED = ["ours", "davey", "libdave", "ours", "davey"]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_hear_each_other(first: str, second: str, at_once: bool) -> None:
    call = call_of([first, second], first_at_once=at_once)
    call.assert_one_group()
    call.assert_nothing_lost()


@pytest.mark.parametrize("seed", range(4))
def test_five_of_all_kinds_hear_each_other(seed: int) -> None:
    call = call_of(MIXED, seed, talk=0.3)
    call.assert_one_group(codes=seed == 0)
    call.assert_nothing_lost()
