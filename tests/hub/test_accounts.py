"""The accounts service beside its description; its behaviour is tried in `test_running_hub`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import resources
from importlib.resources.abc import Traversable

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub.app import JupyterHub
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


TEMPLATES = [
    (package, file)
    for package in ("nbcoach_hub.accounts", "nbcoach_hub.identity", "nbcoach_hub.service")
    for file in sorted((resources.files(package) / "templates").iterdir(), key=lambda file: file.name)
]


@pytest.mark.parametrize(("package", "file"), TEMPLATES, ids=[file.name for _, file in TEMPLATES])
def test_every_sentence_of_a_page_is_there_in_german(package: str, file: Traversable) -> None:
    words = set()
    for name in ("nbcoach_hub.service", package):
        words |= json.loads((resources.files(name) / "locale" / "de.json").read_text("utf-8")).keys()
    said = set(re.findall(r"""\b_\((?:"([^"]+)"|'([^']+)')[,)]""", file.read_text("utf-8")))
    assert {one or other for one, other in said} - words == set()


def test_no_page_has_a_script_or_a_style_of_its_own() -> None:
    for _, file in TEMPLATES:
        text = file.read_text("utf-8")
        assert not re.search(r"<script|<style| style=| on[a-z]+=|javascript:|\| *safe", text), file.name


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({}, 'id="password_input"'),
        ({"login_term_url": "/terms?a&b"}, '<a href="/terms?a&amp;b">I accept the terms and conditions.</a>'),
        ({"custom_html": "<p>Begin in your course.</p>"}, "<p>Begin in your course.</p>"),
        ({"login_service": "<Campus>"}, "Sign in with &lt;Campus&gt;"),
    ],
)
def test_the_log_in_page_shows_what_the_hub_tells_it(told: dict[str, str], shown: str) -> None:
    own, hubs = (str(resources.files("nbcoach_hub.identity") / "templates"), JupyterHub().template_paths[0])
    pages = Environment(
        loader=ChoiceLoader([PrefixLoader({"templates": FileSystemLoader(hubs)}), FileSystemLoader([own, hubs])]),
        autoescape=True,
    )
    page = pages.get_template("login.html").render(
        _=lambda sentence, **values: sentence.format(**values),
        static_url=lambda path, **_: path,
        authenticator=None,
        **told,
    )
    assert shown in page
    assert ('id="login_terms"' in page) == ("login_term_url" in told)


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
