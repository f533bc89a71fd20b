"""Each fault x what the bot does x what the channel does: the promises of fault_matrix.py are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from . import fault_matrix
from .fault_cases import CASES, Case
from .fault_matrix import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with fault_matrix.stage() as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.mishap).replace(" ", "-"))
async def test_a_fault(stage: Stage, case: Case) -> None:
    outcomes = await stage.row(case)
    faults = [
        f"{cell.activity.value}, {'talking' if cell.talking else 'silent'}: {fault}"
        for cell, outcome in zip(stage.cells, outcomes, strict=True)
        for fault in outcome.faults
    ]
    assert not faults, "\n".join(faults)
