"""Our own attacks, and what a learner's code finds around it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from attack_campaign import Campaign
from attack_processes import back_to, processes, system_state
from own_attacks import SINGLE, STAGED

from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import Feedback, encode

WITHIN = 15.0


async def submitted(campaign: Campaign, learner: str, source: str) -> Feedback:
    """Submit an attack, and see that it gets nothing, learns nothing, and is answered in time."""
    start = time.monotonic()
    found = await campaign.submit(learner, source)
    assert time.monotonic() - start < WITHIN
    assert found.points == 0, [(check.id, check.verdict) for check in found.checks]
    assert found.verdict not in (Verdict.PASSED, Verdict.GRADER_FAILED, Verdict.NOT_ATTEMPTED)
    assert len(encode(found).encode("utf-8", "replace")) < 64 * 1024
    return found


async def honest(campaign: Campaign, learner: str) -> None:
    found = await campaign.submit(learner, campaign.solution)
    assert (found.points, found.verdict) == (campaign.points, Verdict.PASSED)


@pytest.mark.parametrize("name", SINGLE)
def test_one_submission(own_once: Campaign, run: Any, name: str) -> None:
    async def told() -> None:
        if name == "kills all it can reach" and any("signals" in lack for lack in own_once.engine.sandbox.lacks):
            pytest.skip("signals reach all processes of this account here: Landlock ABI 6 is needed")
        await honest(own_once, "first")
        await own_once.settled()
        before, state = len(processes()), system_state()
        found = await submitted(own_once, name, SINGLE[name])
        assert own_once.leaks(found) == []
        await honest(own_once, f"after {name}")
        await own_once.settled()
        assert await back_to(before), processes()
        assert system_state() == state
        assert own_once.written() == []

    run(told())


@pytest.mark.parametrize("name", STAGED)
def test_submissions_that_build_on_each_other(own: Campaign, run: Any, name: str) -> None:
    async def told() -> None:
        found = [await submitted(own, name, source) for source in STAGED[name]]
        found.append(await submitted(own, f"friend of {name}", STAGED[name][-1]))
        assert own.leaks(*found) == []
        await honest(own, f"after {name}")

    run(told())
