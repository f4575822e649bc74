"""Every case of the attack corpus that is the source of an answer cell, against the grader as the service runs it.

What must hold goes by the first letter of the case, as the corpus's own method says. After each
case the same learner's wrong work is still wrong, and another learner's right work still right.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from attack_campaign import Campaign
from attack_corpus import CodeCase, code_cases, needed
from attack_processes import back_to, processes, system_state

from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import Feedback, encode
from nbcoach_grader.feedback import clean

pytestmark = needed
WITHIN = 15.0
"""Seconds for a verdict on anything (guarantee G8), from outside, waiting included."""

CASES = {case.id: case for case in code_cases()}
KNOWN = {
    "J05": "`==` of the author's test takes True and 1.0 for 1, as Python and nbgrader do",
}
"""What does not hold, each with its reason; one that begins to hold fails here until its line is removed."""

KINDS = {kind: [name for name in CASES if name.startswith(kind)] for kind in "CFLVDPXJ"}


async def attack(campaign: Campaign, case: CodeCase) -> list[Feedback]:
    """Submit all stages of a case as one learner; see that what must hold for every case holds."""
    told = []
    for source in case.stages:
        start = time.monotonic()
        feedback = await campaign.submit(case.id, source)
        assert time.monotonic() - start < WITHIN
        told.append(feedback)
        assert feedback.points <= case.honest, "The attack got points that the work is not worth."
        assert feedback.verdict not in (Verdict.PASSED, Verdict.GRADER_FAILED, Verdict.NOT_ATTEMPTED)
        encode(feedback)  # it is a valid frame
    assert campaign.leaks(*told) == []
    return told


async def others_are_unharmed(campaign: Campaign, case: CodeCase) -> None:
    """See that a later submission of the same learner, and one of somebody new, get what they deserve."""
    wrong = await campaign.submit(case.id, "def squares(n):\n    return []\n")
    assert (wrong.points, wrong.verdict) == (0, Verdict.FAILED)
    right = await campaign.submit(f"victim-of-{case.id}", f"# @@VICTIM@@\n{campaign.solution}")
    assert (right.points, right.verdict) == (campaign.points, Verdict.PASSED)


@pytest.mark.parametrize("name", KINDS["C"])
def test_controls_get_exactly_what_they_are_worth(campaign: Campaign, run: Any, name: str) -> None:
    found = run(campaign.submit(name, CASES[name].stages[0]))
    assert found.points == CASES[name].honest


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=KNOWN[name], strict=True)) if name in KNOWN else name
        for kind in "FJLV"
        for name in KINDS[kind]
    ],
)
def test_nothing_is_forged_read_or_harmed(campaign: Campaign, run: Any, name: str) -> None:
    async def told() -> None:
        before = campaign.work.read_bytes()
        found = await attack(campaign, CASES[name])
        await others_are_unharmed(campaign, CASES[name])
        assert campaign.leaks(*found) == []
        assert campaign.work.read_bytes() == before
        assert campaign.written() == []
        if name == "L37":  # it sleeps for longer than this when it meets the hidden argument
            assert found[0].seconds < 2

    run(told())


@pytest.mark.parametrize("name", KINDS["D"])
def test_a_verdict_comes_in_time_and_others_are_served(campaign_once: Campaign, run: Any, name: str) -> None:
    async def told() -> None:
        before = await standing(campaign_once)
        hostile = asyncio.create_task(attack(campaign_once, CASES[name]))
        await asyncio.sleep(0.05)  # let it begin
        start = time.monotonic()
        beside = await campaign_once.submit(f"beside-{name}", campaign_once.solution)
        assert time.monotonic() - start < WITHIN
        assert (beside.points, beside.verdict) == (campaign_once.points, Verdict.PASSED)
        for feedback in await hostile:
            assert len(encode(feedback)) < 64 * 1024
        await others_are_unharmed(campaign_once, CASES[name])
        await no_survivors(campaign_once, before)

    run(told())


@pytest.mark.parametrize("name", KINDS["P"])
def test_nothing_persists(campaign_once: Campaign, run: Any, name: str) -> None:
    async def told() -> None:
        before, state = await standing(campaign_once), system_state()
        found = await attack(campaign_once, CASES[name])
        await no_survivors(campaign_once, before)
        assert system_state() == state
        told = [feedback.output for feedback in found] + campaign_once.sink.heard
        assert not any("PERSIST>>" in text for text in told), list(map(encode, found))
        await others_are_unharmed(campaign_once, CASES[name])

    run(told())


@pytest.mark.parametrize("name", KINDS["X"])
def test_what_is_shown_is_plain_text(campaign: Campaign, run: Any, name: str) -> None:
    """The front end shows these texts as text (extension/src/__tests__/feedback.spec.tsx); nothing in them is more."""

    async def told() -> None:
        for feedback in await attack(campaign, CASES[name]):
            body = json.loads(encode(feedback))
            assert [text for text in strings(body) if text != clean(text)] == []
            assert not any(key in body for key in ("data", "html", "metadata", "outputs"))
        await others_are_unharmed(campaign, CASES[name])

    run(told())


def strings(value: Any) -> list[str]:
    """Return all texts in a JSON value."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in strings(item)]


async def standing(campaign: Campaign) -> int:
    """Return how many processes there are while nothing is asked, with judges prepared for the next one."""
    await campaign.submit("first", campaign.solution)
    await campaign.settled()
    await asyncio.sleep(0)
    return len(processes())


async def no_survivors(campaign: Campaign, before: int) -> None:
    """See that nothing runs but the fork server, and judges that wait for their turn."""
    await campaign.settled()
    assert await back_to(before), processes()


def test_the_whole_corpus_is_run() -> None:
    assert sum(map(len, KINDS.values())) == len(CASES) > 100


def test_leaks_are_seen(campaign: Campaign, run: Any) -> None:
    """What looks for leaks would find one: in feedback, at the sink and in files."""
    import urllib.request

    feedback = run(campaign.submit("teller", campaign.solution + "print('@@MARKC@@', @@SECRETN@@)\n"))
    assert sorted(campaign.leaks(feedback)) == ["argument", "comment"]
    urllib.request.urlopen(f"{campaign._address}/x", data=campaign.secrets.token.encode())
    assert campaign.leaks() == ["token"]
    campaign.sink.heard.clear()
    (campaign.folder / "ESCAPE").write_text(campaign.secrets.message)
    assert campaign.leaks() == ["message"]
    (campaign.folder / "ESCAPE").unlink()
    assert campaign.leaks() == []
