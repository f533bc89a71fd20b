"""Random histories of encrypted calls whose members are isocord's, davey's and libdave's."""

from __future__ import annotations

from collections import Counter

import pytest

from .dave_call import Call
from .dave_witnesses import KINDS, dave

STEPS = 15
MOST_MEMBERS = 7


def history(seed: int) -> Call:
    """Joins, leaves, returns and new groups in random order; half of the steps come before the last has settled."""
    call = Call(seed, talk=0.25, first_at_once=seed % 2 == 0)
    choose = call.random
    call.join(1, "ours")
    call.join(2, choose.choice(["davey", "libdave"]))
    call.settle()
    left: list[int] = []
    for step in range(STEPS):
        present = list(call.members)
        action = choose.random()
        if len(present) > 1 and (action < 0.4 or len(present) >= MOST_MEMBERS):
            gone = choose.choice(present)
            call.leave(gone)
            left.append(gone)
        elif action < 0.45:
            call.recreate()
        elif action < 0.5:
            call.repeat_external_sender()
        else:
            again = left and choose.random() < 0.3
            user_id = left.pop(choose.randrange(len(left))) if again else 100 + step
            call.join(user_id, choose.choice(list(KINDS)))
        if choose.random() < 0.5:
            for _ in range(choose.randrange(20)):
                call.step()
        else:
            call.settle()
            call.assert_one_group()
    call.settle()
    call.assert_one_group()
    return call


winners: Counter[str] = Counter()


@pytest.mark.parametrize("seed", range(20))
def test_random_history(seed: int) -> None:
    call = history(seed)
    call.assert_nothing_lost()
    winners.update(call.winners)


def test_every_kind_has_committed() -> None:
    """The shuffle lets each kind win at times; without the histories before it this has nothing to say."""
    if not winners:
        pytest.skip("no history has run")
    assert set(winners) == {kind for kind in KINDS if kind != "libdave" or dave is not None}
