"""Every case of the attack corpus that changes a notebook, through the same intake as a learner's own.

Each is tried twice: with the corpus's wrong work, which must get nothing, and with right work,
which must lose nothing by what happened to the notebook around it.
"""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from attack_campaign import Campaign
from attack_corpus import json_cases, needed
from attack_notebooks import FILES, apply, taken_in

from nbcoach_exercises.errors import InvalidNotebook, TooLarge
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import encode

pytestmark = needed
CASES = json_cases("N")
WITHIN = 15.0

REFUSED = {
    "N34": TooLarge,
    "N35": TooLarge,
    "N38": InvalidNotebook,
    "N40": InvalidNotebook,
    "N43": InvalidNotebook,
    "N44": InvalidNotebook,
}
"""What is no notebook, or too large to be one: told so at once, and nothing is graded."""

SABOTAGED = frozenset({"N22", "N23", "N25"})
"""Cases whose added cells replace or end the work itself, so that right work is right no more."""

WITH_FILES = {"N26", "N28", "N29", "N31", "N32"}
"""Cases that bring files: a request carries none, so these are in `test_corpus_autograde.py`."""


def notebook_of(campaign: Campaign, run: Any) -> dict[str, Any]:
    notebook, _ = run(campaign.grading.released(campaign.course, campaign.exercise))
    found: dict[str, Any] = json.loads(json.dumps(notebook))
    return found


def with_right_work(operations: list[dict[str, Any]], solution: str) -> list[dict[str, Any]]:
    """Return operations that put the right answer where the case puts a wrong one."""
    changed = copy.deepcopy(operations)
    for operation in changed:
        if operation["op"] == "source" and operation.get("grade_id") == "squares":
            operation["value"] = solution
    return changed


@pytest.mark.parametrize("name", sorted(CASES.keys() - REFUSED.keys() - WITH_FILES))
def test_only_the_answer_is_taken(campaign: Campaign, run: Any, name: str) -> None:
    operations = json.loads(campaign.fill(json.dumps(CASES[name]["ops"])))
    start = time.monotonic()
    found = run(campaign.check(name, taken_in(apply(notebook_of(campaign, run), operations))))
    assert time.monotonic() - start < WITHIN
    assert found.points <= CASES[name]["honest"]
    assert found.max_points == campaign.points
    assert [check.id.partition(".")[0] for check in found.checks] == [f"t{number}" for number in range(7)]
    assert found.verdict not in (Verdict.PASSED, Verdict.GRADER_FAILED)
    assert campaign.leaks(found) == []
    assert "XSSCANARY" not in encode(found)
    if name not in SABOTAGED and "return None" in json.dumps(operations[0]):
        right = with_right_work(operations, campaign.solution)
        found = run(campaign.check(f"right-{name}", taken_in(apply(notebook_of(campaign, run), right))))
        assert (found.points, found.verdict) == (campaign.points, Verdict.PASSED)


@pytest.mark.parametrize("name", sorted(REFUSED.keys() & CASES.keys()))
def test_what_is_no_notebook_is_refused(campaign: Campaign, run: Any, name: str) -> None:
    operations = CASES[name]["ops"]
    start = time.monotonic()
    with pytest.raises(REFUSED[name], match=r"submission\.ipynb"):
        taken_in(apply(notebook_of(campaign, run), operations))
    assert time.monotonic() - start < WITHIN
    right = run(campaign.submit(f"after-{name}", campaign.solution))
    assert right.verdict is Verdict.PASSED


def test_cases_with_files_are_named() -> None:
    assert {name for name, case in CASES.items() if any(op["op"] in FILES for op in case["ops"])} == WITH_FILES
