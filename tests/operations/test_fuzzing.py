"""Every endpoint, asked what its own OpenAPI document allows and much that it does not.

No answer is an error of ours, none contradicts the document, and nobody reads what is another's: what the demo learner
wrote carries a mark, which nobody else may ever be sent, though half of the requests name his course, exercise or
submission. The requests are the same at each run.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hub_process import REPOSITORY, Browser, HubProcess
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from live_checks import COURSE, EXERCISE, ask, check_frame, service

schemathesis = pytest.importorskip("schemathesis")
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import response_schema_conformance  # noqa: E402

DOCUMENTS = {
    "grader": "grader/nbcoach_grader/openapi.json",
    "recommender": "recommender/nbcoach_recommender/openapi.json",
    "accounts": "hub_config/nbcoach_hub/accounts/openapi.json",
    "status": "hub_config/nbcoach_hub/status/openapi.json",
    "extension": "extension/nbcoach_extension/openapi.json",
}
SOCKETS = ("/api/live", "/live")
EXAMPLES = 12
"""Requests of each kind to each endpoint, for each caller."""

MARK = f"mark-{uuid.uuid4().hex}"


@dataclass(frozen=True)
class Victim:
    """What the demo learner has: names that others may try, and texts that they must not see."""

    submission: str

    @property
    def names(self) -> dict[str, str]:
        return {"course": COURSE, "exercise": EXERCISE, "submission": self.submission, "cell": "double"}


@pytest.fixture(scope="module")
def victim(platform: HubProcess, learner: Browser, user_token: Callable[[str], str]) -> Victim:
    """The demo learner, with a profile, preferences and a submission."""
    token = user_token("learner")
    profile = {"display_name": MARK, "goals": [MARK[:60]], "preferences": {"note": MARK}}
    assert service(platform.url, "accounts/api/profile", token, verb="PUT", json=profile).status_code == 200
    frame = check_frame(learner, f"def double(x):\n    '{MARK}'\n    return 2 * x\n")
    socket = learner._socket("nbcoach/api/live")
    assert ask(socket, frame)["type"] == "feedback"
    del frame["cell"]
    receipt = ask(socket, {**frame, "type": "submit", "request": str(uuid.uuid4())})
    socket.close()
    assert receipt["type"] == "receipt", receipt
    return Victim(receipt["submission"])


def base_url(hub: HubProcess, name: str) -> str:
    return f"{hub.url}/user/learner/nbcoach/api" if name == "extension" else f"{hub.url}/services/{name}"


def operations(name: str) -> Iterator[Any]:
    document = json.loads((REPOSITORY / DOCUMENTS[name]).read_text())
    document["servers"] = [{"url": "http://nowhere"}]
    # Who asks is the test's business: without a scheme no credentials are made up.
    document.pop("security", None)
    document["components"].pop("securitySchemes", None)
    for verbs in document["paths"].values():
        for verb in verbs.values():
            if isinstance(verb, dict):
                verb.pop("security", None)
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = result.ok()
        if operation.path not in SOCKETS:
            yield operation


def fuzz(hub: HubProcess, name: str, token: str, victim: Victim, look: Callable[[Any, Any], None]) -> Counter[int]:
    """Ask every endpoint of a service, and look at each answer; return how many there were of each status."""
    session, statuses = requests.Session(), Counter[int]()
    session.trust_env = False

    def ask_one(case: Any, known: bool) -> None:
        if known:
            for key in case.path_parameters or {}:
                if key in victim.names:
                    case.path_parameters[key] = victim.names[key]
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(
            base_url=base_url(hub, name), session=session, headers=headers, timeout=30, allow_redirects=False
        )
        statuses[answer.status_code] += 1
        look(case, answer)

    for operation in operations(name):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                _settled(given(strategy, st.booleans())(ask_one))()
            except (Unsatisfiable, schemathesis.errors.SchemathesisError):
                continue  # nothing can be wrong about a request without parameters and body
    return statuses


def _settled(test: Callable[[], None]) -> Callable[[], None]:
    return settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(test)


def sound(case: Any, answer: Any) -> None:
    """Fail where an answer is an error of ours, or another than the document says."""
    told = f"{case.method} {answer.request.url} {case.body!r:.300}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, told
    case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])


def unmarked(case: Any, answer: Any) -> None:
    """Fail where an answer is unsound, or holds what the victim wrote."""
    sound(case, answer)
    assert MARK[:60] not in answer.text, f"{case.method} {answer.request.url} shows what is another's"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_learner_of_another_course_reads_nothing_of_his(
    platform: HubProcess, victim: Victim, user_token: Callable[[str], str], name: str
) -> None:
    statuses = fuzz(platform, name, user_token("stranger"), victim, unmarked)
    assert name == "accounts" or statuses[403] + statuses[404] > 2  # there everybody has his own
    assert name != "extension" or set(statuses) == {403}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_his_instructor_reads_submissions_and_nothing_else_of_his(
    platform: HubProcess, victim: Victim, user_token: Callable[[str], str], name: str
) -> None:
    def look(case: Any, answer: Any) -> None:
        (sound if "submissions" in case.operation.path else unmarked)(case, answer)

    statuses = fuzz(platform, name, user_token("instructor"), victim, look)
    assert statuses.total() > 2
    assert name != "extension" or set(statuses) == {403}


def test_the_mark_is_there_to_be_found(platform: HubProcess, victim: Victim, user_token: Callable[[str], str]) -> None:
    """Otherwise the tests above could not fail."""
    token = user_token("learner")
    assert MARK in service(platform.url, "accounts/api/profile", token).text
    path = f"grader/api/courses/{COURSE}/submissions/{victim.submission}"
    assert MARK in service(platform.url, path, token).text
    assert service(platform.url, path, user_token("stranger")).status_code == 404


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_owner_is_answered_soundly(
    platform: HubProcess, victim: Victim, user_token: Callable[[str], str], name: str
) -> None:
    """Come last: he may change and erase what the tests above look for."""
    statuses = fuzz(platform, name, user_token("learner"), victim, sound)
    assert statuses[200]
