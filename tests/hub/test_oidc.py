"""Log-in at an OpenID Connect provider: a real provider, a real hub, real redirects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import identity_provider
import pytest
import requests
from hub_process import Browser, HubProcess, free_port
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from nbcoach_hub.credentials import USER_NAME
from nbcoach_hub.identity.names import user_name
from nbcoach_hub.identity.oidc import OidcAuthenticator

COURSE = "python-foundations"
USERS = {
    "1001": {"preferred_username": "ada", "groups": ["cs1-students", "chess"]},
    "1002": {"preferred_username": "Ted.Smith@uni.example", "groups": ["cs1-staff"]},
    "1003": {"preferred_username": "root", "groups": ["it"]},
    "1004": {"preferred_username": "stranger", "groups": ["formgrade-python-foundations", "chess"]},
    "1006": {"name": "no user name"},
    "1007": {"preferred_username": "../../etc", "groups": "cs1-students"},
}
CONFIGURATION = """
c.OidcAuthenticator.group_map = {{
    "cs1-students": ["nbgrader-{course}"], "cs1-staff": ["formgrade-{course}"], "it": ["admin"]
}}
"""
Place = tuple[HubProcess, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A hub that trusts a provider; who is in no mapped group has to be approved."""
    hub_port, provider_port = free_port(), free_port()
    client = {
        "client_id": "nbcoach",
        "client_secret": "a-secret-of-the-tests-0123456789",
        "redirect_uris": [f"http://127.0.0.1:{hub_port}/hub/oauth_callback"],
    }
    state = tmp_path_factory.mktemp("oidc") / "state"
    (state / "jupyterhub_config.d").mkdir(parents=True)
    (state / "jupyterhub_config.d" / "10-oidc.py").write_text(CONFIGURATION.format(course=COURSE))
    with identity_provider.running(provider_port, client, USERS) as issuer, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBCOACH_OIDC_ISSUER", issuer)
        patch.setenv("NBCOACH_OIDC_CLIENT_ID", client["client_id"])
        patch.setenv("NBCOACH_OIDC_CLIENT_SECRET", client["client_secret"])
        hub = HubProcess(state, "--log-in", "oidc", "--registration", "approval", port=hub_port)
        try:
            yield hub.wait_ready(), issuer
        finally:
            assert hub.stop() == []


def arrive(place: Place, who: str) -> tuple[Browser, requests.Response]:
    """Log in as one of the provider's users."""
    hub, issuer = place
    browser = Browser(hub.url, "")
    begun = browser.session.get(f"{hub.url}/hub/oauth_login?next=/hub/home", timeout=30)
    assert begun.url.startswith(issuer), begun.url
    return browser, identity_provider.log_in(browser.session, begun, who)


def myself(browser: Browser) -> dict[str, Any]:
    return dict(browser.session.get(f"{browser.url}/hub/api/user", headers=browser._xsrf("/hub/"), timeout=30).json())


@pytest.mark.parametrize(
    ("who", "name", "groups", "admin"),
    [
        ("1001", "ada", [f"nbgrader-{COURSE}"], False),
        ("1002", user_name("Ted.Smith@uni.example"), [f"formgrade-{COURSE}"], False),
    ],
)
def test_groups_of_the_provider_are_courses_here(
    place: Place, who: str, name: str, groups: list[str], admin: bool
) -> None:
    browser, page = arrive(place, who)
    assert (page.status_code, page.url) == (200, f"{browser.url}/hub/home")
    found = myself(browser)
    assert (found["name"], found["groups"], found["admin"]) == (name, groups, admin)


def test_an_administrator_is_one_by_group_and_approves(place: Place) -> None:
    hub, _ = place
    browser, refused = arrive(place, "1004")
    assert refused.status_code == 403
    assert "waits for the approval" in refused.text
    root, page = arrive(place, "1003")
    assert page.status_code == 200
    assert root.session.get(f"{hub.url}/hub/admin", timeout=30).status_code == 200
    url = f"{hub.url}/hub/api/nbcoach/accounts/stranger"
    headers = root._xsrf("/hub/")
    changed = root.session.patch(url, json={"standing": "active"}, headers=headers, timeout=30)
    assert changed.json()["standing"] == "active", changed.text
    assert root.session.patch(url, json={"learns": [COURSE]}, headers=headers, timeout=30).status_code == 409
    browser, page = arrive(place, "1004")
    assert page.status_code == 200
    assert myself(browser)["groups"] == []  # a group that only looks like one of ours


@pytest.mark.parametrize(("who", "said"), [("1006", "did not tell your name"), ("1007", "waits for the approval")])
def test_who_is_not_known_well_enough_stays_out(place: Place, who: str, said: str) -> None:
    _, page = arrive(place, who)
    assert page.status_code == 403
    assert said in page.text


def test_a_log_in_begun_elsewhere_is_refused(place: Place) -> None:
    hub, _ = place
    victim = Browser(hub.url, "")
    for query in ("", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"):
        assert victim.session.get(f"{hub.url}/hub/oauth_callback{query}", timeout=30).status_code == 400, query
    begun = victim.session.get(
        f"{hub.url}/hub/oauth_login?next=https://evil.example/", allow_redirects=False, timeout=30
    )
    assert "code_challenge_method=S256" in begun.headers["Location"]
    assert "evil" not in begun.headers["Location"]


def test_no_secret_is_in_the_log_or_in_a_server(place: Place) -> None:
    hub, _ = place
    assert "a-secret-of-the-tests" not in hub.log
    browser, _ = arrive(place, "1001")
    browser.user = "ada"
    browser.start_server()
    try:
        assert "OIDC" not in browser.run("import os; print(dict(os.environ))")
    finally:
        browser.stop_server()


@given(st.text(min_size=1))
def test_every_claim_becomes_a_name(claim: str) -> None:
    assert USER_NAME.fullmatch(user_name(claim))


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_claims_never_share_a_name(one: str, other: str) -> None:
    assert (user_name(one) == user_name(other)) == (one == other)


def test_names_stay_readable_and_cannot_be_taken() -> None:
    made = user_name("Ted.Smith@uni.example")
    assert made == f"ted-smith-uni-example-{hashlib.sha256(b'Ted.Smith@uni.example').hexdigest()[:12]}"
    assert user_name("ada") == "ada"
    assert user_name(made) != made
    with pytest.raises(ValueError, match="empty"):
        user_name("")


@pytest.mark.parametrize("issuer", ["http://uni.example", "ftp://127.0.0.2", "http://localhost.evil.example"])
def test_a_provider_needs_tls(issuer: str) -> None:
    with pytest.raises(TraitError, match="https"):
        OidcAuthenticator(issuer=issuer)


def test_a_secret_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("NBCOACH_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert OidcAuthenticator(issuer="https://uni.example").client_secret == "from the file"
