"""Log-in from a learning platform through LTI 1.3: a platform that signs launches, and a real hub that checks them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import learning_platform
import pytest
import requests
from hub_process import Browser, HubProcess, free_port
from learning_platform import CLIENT, Platform

COURSE = "python-foundations"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
CONFIGURATION = f"""
c.LtiAuthenticator.course_map = {{"cs101": "{COURSE}", "art7": "art"}}
c.LtiAuthenticator.deployment_ids = {{"1"}}
"""
Place = tuple[HubProcess, Platform]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A hub that trusts a platform."""
    hub_port, port = free_port(), free_port()
    state = tmp_path_factory.mktemp("lti") / "state"
    (state / "jupyterhub_config.d").mkdir(parents=True)
    (state / "jupyterhub_config.d" / "10-lti.py").write_text(CONFIGURATION)
    with (
        learning_platform.running(port, f"http://127.0.0.1:{hub_port}") as platform,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("NBCOACH_LTI_ISSUER", platform.url)
        patch.setenv("NBCOACH_LTI_CLIENT_ID", CLIENT)
        patch.setenv("NBCOACH_LTI_AUTHORIZE_URL", f"{platform.url}/authorize")
        patch.setenv("NBCOACH_LTI_JWKS_URL", f"{platform.url}/jwks")
        hub = HubProcess(state, "--log-in", "lti", port=hub_port)
        try:
            yield hub.wait_ready(), platform
        finally:
            assert hub.stop() == []


def press(place: Place, browser: Browser, **query: str) -> tuple[str, dict[str, str]]:
    """Press the link in a course; return the form that the platform sends to the hub."""
    page = browser.session.get(f"{place[1].url}/launch", params=query, timeout=30)
    assert page.url.startswith(f"{place[1].url}/authorize"), page.text[:500]
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', page.text))
    return html.unescape(action.group(1)), {name: html.unescape(value) for name, value in fields.items()}


def arrive(place: Place, browser: Browser, **query: str) -> requests.Response:
    action, form = press(place, browser, **query)
    return browser.session.post(action, data=form, timeout=30)


def groups(browser: Browser) -> list[str]:
    me = browser.session.get(f"{browser.url}/hub/api/user", headers=browser._xsrf("/hub/"), timeout=30).json()
    return sorted(me["groups"])


@pytest.mark.parametrize(
    ("user", "roles", "expected"),
    [
        ("ada", "Learner", [f"nbgrader-{COURSE}"]),
        ("ted", "Instructor", [f"formgrade-{COURSE}"]),
        ("mo", "Learner,Instructor", [f"formgrade-{COURSE}", f"nbgrader-{COURSE}"]),
    ],
)
def test_a_launch_logs_in_with_the_role_of_the_course(place: Place, user: str, roles: str, expected: list[str]) -> None:
    browser = Browser(place[0].url, user)
    page = arrive(place, browser, user=user, role=roles, context="cs101")
    assert (page.status_code, page.url) == (200, f"{browser.url}/hub/home")
    assert groups(browser) == expected


def test_other_courses_stay_and_roles_change(place: Place) -> None:
    browser = Browser(place[0].url, "bea")
    arrive(place, browser, user="bea", role="Learner", context="cs101")
    arrive(place, browser, user="bea", role="Instructor", context="art7")
    assert groups(browser) == ["formgrade-art", f"nbgrader-{COURSE}"]
    arrive(place, browser, user="bea", role="Instructor", context="cs101")
    assert groups(browser) == ["formgrade-art", f"formgrade-{COURSE}"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"role": "Learner", "context": "another"}, 403),
        ({"role": "Instructor", "context": "another", "course": COURSE}, 403),  # teachers can set parameters
        ({"role": "Observer", "context": "cs101"}, 403),
    ],
)
def test_a_launch_from_elsewhere_is_refused(place: Place, query: dict[str, str], status: int) -> None:
    browser = Browser(place[0].url, "carl")
    assert arrive(place, browser, user="carl", **query).status_code == status
    assert browser.session.get(f"{browser.url}/hub/home", allow_redirects=False, timeout=30).status_code == 302


def replaced(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update({name: value})


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(replaced("iss", "http://evil.example"), id="issuer"),
        pytest.param(replaced("aud", "another tool"), id="audience"),
        pytest.param(replaced("nonce", "of an earlier launch"), id="nonce"),
        pytest.param(replaced(f"{CLAIM}deployment_id", "2"), id="deployment"),
        pytest.param(replaced(f"{CLAIM}version", "1.1.0"), id="version"),
        pytest.param(replaced(f"{CLAIM}message_type", "LtiDeepLinkingRequest"), id="message"),
    ],
)
def test_a_launch_that_is_not_right_is_refused(place: Place, spoil: Callable[[dict[str, Any]], None]) -> None:
    browser = Browser(place[0].url, "dan")
    place[1].spoil = spoil
    try:
        action, form = press(place, browser, user="dan", role="Learner", context="cs101")
    finally:
        place[1].spoil = lambda claims: None
    answer = browser.session.post(action, data=form, timeout=30)
    assert answer.status_code in (400, 401, 403), answer.text[:500]


def test_a_launch_counts_once_and_in_its_own_browser_only(place: Place) -> None:
    victim, thief = Browser(place[0].url, "eve"), Browser(place[0].url, "eve")
    action, form = press(place, victim, user="eve", role="Learner", context="cs101")
    assert thief.session.post(action, data=form, timeout=30).status_code == 400
    forged = {**form, "id_token": form["id_token"][:-6] + "AAAAAA"}
    action, again = press(place, victim, user="eve", role="Learner", context="cs101")
    assert victim.session.post(action, data={**again, "id_token": forged["id_token"]}, timeout=30).status_code == 400
    action, good = press(place, victim, user="eve", role="Learner", context="cs101")
    assert victim.session.post(action, data=good, timeout=30).status_code == 200
    assert victim.session.post(action, data=good, timeout=30).status_code == 400


def test_the_log_in_page_says_where_to_begin(place: Place) -> None:
    page = requests.get(f"{place[0].url}/hub/login", timeout=30)
    assert "from a course of your learning platform" in page.text


def test_what_platforms_read_to_install_the_tool(place: Place) -> None:
    told = requests.get(f"{place[0].url}/hub/lti13/config", timeout=30).json()
    assert told["title"] == "nbcoach"
    assert told["oidc_initiation_url"] == f"{place[0].url}/hub/lti13/oauth_login"
