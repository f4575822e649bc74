"""The accounts service beside its description; its behaviour is tried in `test_running_hub`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import resources

import pytest
from openapi_spec_validator import validate

from nbcoach_exercises.events import Attempt, LearnerEvent, Reaction
from nbcoach_exercises.verdicts import Verdict
from nbcoach_hub.accounts import AccountsService
from nbcoach_hub.accounts.forms import PROFILE
from nbcoach_hub.accounts.progress import progress
from nbcoach_hub.identity.changes import CHANGE
from nbcoach_hub.service import ServiceMisconfigured
from nbcoach_hub.service.openapi import disagreements

DOCUMENT = json.loads((resources.files("nbcoach_hub.accounts") / "openapi.json").read_text("utf-8"))


def test_the_description_is_valid_and_agrees_with_the_routes() -> None:
    validate(DOCUMENT)
    assert disagreements(DOCUMENT, AccountsService().all_routes(), "") == []
    assert DOCUMENT["components"]["schemas"]["ProfileInput"] == PROFILE.definition
    assert DOCUMENT["components"]["schemas"]["Change"] == CHANGE.definition


def test_every_error_is_described() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for verb, operation in operations.items():
            if operation["x-scopes"]:
                assert {"200", "403", "429"} <= set(operation["responses"]), (verb, path)


def attempt(exercise: str, cell: str, points: float, solved: bool) -> Attempt:
    return Attempt(
        learner="ada", course="python", exercise=exercise, version="1", cell=cell, source_hash="0", points=points,
        verdict=Verdict.PASSED if points else Verdict.FAILED, verdicts={}, max_points=2.0, solved=solved, seconds=0.1,
        peak_mb=1.0,
    )  # fmt: skip


def test_progress_counts_the_newest_answer_and_every_try() -> None:
    opened = LearnerEvent(learner="ada", course="python", exercise="loops", kind=Reaction.OPENED)
    told = progress(
        [opened, attempt("loops", "a", 2, False), attempt("loops", "b", 2, True), attempt("loops", "a", 0, False)]
    )
    (course,) = told["courses"]
    (exercise,) = course["exercises"]
    assert (course["course"], course["solved"], course["tries"]) == ("python", 1, 3)
    assert (exercise["points"], exercise["max_points"], exercise["tries"], exercise["solved"]) == (2.0, 4.0, 3, True)
    assert progress([opened]) == {"courses": []}


async def test_it_needs_a_store() -> None:
    with pytest.raises(ServiceMisconfigured, match="NBCOACH_STORE_URL"):
        await AccountsService(store_url="").open()


def test_as_a_process_it_says_what_is_missing() -> None:
    environment = {**os.environ, "NBCOACH_STORE_URL": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "nbcoach_hub.accounts"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "NBCOACH_STORE_URL" in json.loads(done.stderr.splitlines()[-1])["message"]
