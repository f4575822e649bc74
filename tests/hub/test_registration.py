"""Accounts that people register themselves: at a real hub, from the form to an administrator's approval."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hub_process import Browser, HubProcess

from nbcoach_hub.credentials import Credentials

PASSWORD = "a long phrase of her own"
COURSE = "python-foundations"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub at which accounts have to be approved."""
    hub = HubProcess(tmp_path_factory.mktemp("registration") / "state", "--registration", "approval")
    try:
        yield hub.wait_ready()
    finally:
        assert hub.stop() == []


@pytest.fixture(scope="module")
def admin(hub: HubProcess) -> str:
    """A token of the administrator."""
    return make_token(hub, hub.browser("admin"))


def make_token(hub: HubProcess, browser: Browser) -> str:
    headers = browser._xsrf("/hub/")
    made = browser.session.post(
        f"{hub.url}/hub/api/users/{browser.user}/tokens", headers=headers, json={"note": "test"}, timeout=30
    )
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def submit(hub: HubProcess, page: str, browser: Browser | None = None, **fields: str) -> requests.Response:
    """Fill a form of the hub as a browser does."""
    session = (browser or Browser(hub.url, "")).session
    shown = session.get(f"{hub.url}/hub/{page}", timeout=30)
    assert shown.status_code == 200, shown.text
    found = re.search(r'name="_xsrf" value="([^"]+)"', shown.text)
    assert found is not None
    return session.post(f"{hub.url}/hub/{page}", data={"_xsrf": found.group(1), **fields}, timeout=60)


def register(hub: HubProcess, user: str, password: str = PASSWORD, again: str | None = None) -> requests.Response:
    return submit(hub, "register", username=user, password=password, again=password if again is None else again)


def accounts(hub: HubProcess, token: str, path: str = "", verb: str = "GET", **body: Any) -> requests.Response:
    return requests.request(
        verb,
        f"{hub.url}/hub/api/nbcoach/accounts{path}",
        headers={"Authorization": f"Bearer {token}"},
        json=body or None,
        timeout=30,
    )


def test_who_registers_waits_for_approval_and_then_comes_in(hub: HubProcess, admin: str) -> None:
    assert "register" in requests.get(f"{hub.url}/hub/login", timeout=30).text
    done = register(hub, "Ada")
    assert done.status_code == 200
    assert "approved" in done.text
    waiting = Browser(hub.url, "ada").log_in(PASSWORD)
    assert waiting.status_code == 403
    assert "waits for the approval" in waiting.text
    assert Browser(hub.url, "ada").log_in("a wrong password").status_code == 403
    assert "waits" not in Browser(hub.url, "ada").log_in("a wrong password").text

    (found,) = accounts(hub, admin, "?standing=pending").json()["accounts"]
    assert (found["name"], found["standing"], found["known"]) == ("ada", "pending", False)
    changed = accounts(hub, admin, "/ada", "PATCH", standing="active", learns=[COURSE])
    assert changed.status_code == 200, changed.text
    assert changed.json()["learns"] == [COURSE]
    assert changed.json()["standing"] == "active"
    ada = Browser(hub.url, "ada")
    assert ada.log_in(PASSWORD).status_code == 200
    groups = ada.session.get(f"{hub.url}/hub/api/user", headers=ada._xsrf("/hub/"), timeout=30).json()["groups"]
    assert groups == [f"nbgrader-{COURSE}"]


@pytest.mark.parametrize(
    ("user", "password", "again", "said"),
    [
        ("ben", "short", None, "10 to 256"),
        ("ben", PASSWORD, "another phrase of his", "differ"),
        ("learner", PASSWORD, None, "taken"),
        ("../ben", PASSWORD, None, "no valid user name"),
        ("<script>alert(1)</script>", PASSWORD, None, "no valid user name"),
        ("ben", "passwordpassword"[:12], None, "too easy"),
        ("", "", None, "no valid user name"),
    ],
)
def test_what_is_wrong_is_said_above_the_form(
    hub: HubProcess, user: str, password: str, again: str | None, said: str
) -> None:
    answer = register(hub, user, password, again)
    assert answer.status_code == 400
    assert said in answer.text
    assert "<script>alert" not in answer.text
    assert 'id="register_submit"' in answer.text
    assert "ben" not in Credentials(hub.state / "credentials.json").users()


def test_the_form_speaks_german(hub: HubProcess) -> None:
    page = requests.get(f"{hub.url}/hub/register", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}, timeout=30)
    assert "Konto anlegen" in page.text


def test_the_log_in_speaks_german_and_says_why_it_refuses(hub: HubProcess) -> None:
    session = requests.Session()
    session.headers["Accept-Language"] = "de-AT,de;q=0.9,en;q=0.5"
    page = session.get(f"{hub.url}/hub/login", timeout=30).text
    for said in (">Anmelden</h1>", "Benutzername", "Passwort", "Konto anlegen"):
        assert said in page
    assert "Sign in" not in page
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert xsrf is not None
    said = []
    for password in ("wrong", *["again"] * 6):
        form = {"_xsrf": xsrf.group(1), "username": "nobody-yet", "password": password}
        said.append(session.post(f"{hub.url}/hub/login", data=form, timeout=30))
    assert (said[0].status_code, "Benutzername oder Passwort ist falsch." in said[0].text) == (403, True)
    assert said[-1].status_code == 429
    assert re.search(r"Zu viele Fehlversuche\. Versuche es in \d+ Sekunden noch einmal\.", said[-1].text)


def test_a_forged_form_is_refused(hub: HubProcess) -> None:
    form = {"username": "eve", "password": PASSWORD, "again": PASSWORD}
    answer = requests.post(f"{hub.url}/hub/register", data=form, timeout=30)
    assert answer.status_code == 403
    assert "eve" not in Credentials(hub.state / "credentials.json").users()


def test_only_administrators_see_and_change_accounts(hub: HubProcess) -> None:
    learner = make_token(hub, hub.browser("learner"))
    instructor = make_token(hub, hub.browser("instructor"))
    for token in (learner, instructor, "0" * 32):
        assert accounts(hub, token).status_code == 403
        assert accounts(hub, token, "/learner").status_code in (403, 404)
        for verb, body in (("PATCH", {"admin": True}), ("DELETE", {})):
            assert accounts(hub, token, "/learner", verb, **body).status_code in (403, 404), verb


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/learner", {"standing": "pending"}, 400),
        ("/learner", {"learns": ["nothing"]}, 400),
        ("/learner", {"admin": "yes"}, 400),
        ("/learner", {"groups": ["x"]}, 400),
        ("/nobody", {"standing": "active"}, 404),
        ("/..%2f", {"standing": "active"}, 404),
        ("/admin", {"standing": "disabled"}, 400),
        ("/admin", {"admin": False}, 400),
    ],
)
def test_wrong_changes_change_nothing(
    hub: HubProcess, admin: str, path: str, body: dict[str, Any], status: int
) -> None:
    before = accounts(hub, admin).json()
    assert accounts(hub, admin, path, "PATCH", **body).status_code == status
    for one, other in zip(before["accounts"], accounts(hub, admin).json()["accounts"], strict=True):
        assert {**one, "last_activity": None} == {**other, "last_activity": None}


def test_disabled_means_out_at_once(hub: HubProcess, admin: str) -> None:
    assert register(hub, "cleo").status_code == 200
    assert accounts(hub, admin, "/cleo", "PATCH", standing="active", learns=[COURSE]).status_code == 200
    cleo = Browser(hub.url, "cleo")
    assert cleo.log_in(PASSWORD).status_code == 200
    token = make_token(hub, cleo)
    url = f"{hub.url}/services/grader/api/courses/{COURSE}"
    assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 200

    assert accounts(hub, admin, "/cleo", "PATCH", standing="disabled").json()["standing"] == "disabled"
    assert cleo.session.get(f"{hub.url}/hub/home", allow_redirects=False, timeout=30).status_code == 302
    who = requests.get(f"{hub.url}/hub/api/user", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert who.status_code == 403
    refused = Browser(hub.url, "cleo").log_in(PASSWORD)
    assert refused.status_code == 403
    assert "disabled" in refused.text
    assert accounts(hub, admin, "/cleo", "PATCH", standing="active").status_code == 200
    assert Browser(hub.url, "cleo").log_in(PASSWORD).status_code == 200


def test_roles_last_and_can_be_taken_back(hub: HubProcess, admin: str) -> None:
    register(hub, "dora")
    accounts(hub, admin, "/dora", "PATCH", standing="active")
    changed = accounts(hub, admin, "/dora", "PATCH", teaches=[COURSE], admin=True).json()
    assert (changed["teaches"], changed["admin"]) == ([COURSE], True)
    members = (hub.state / "members.json").read_text()
    assert members.count('"dora"') == 2
    changed = accounts(hub, admin, "/dora", "PATCH", teaches=[], admin=False).json()
    assert (changed["teaches"], changed["admin"]) == ([], False)
    assert '"dora"' not in (hub.state / "members.json").read_text()


def test_a_refused_account_is_forgotten(hub: HubProcess, admin: str) -> None:
    register(hub, "eli")
    assert accounts(hub, admin, "/eli", "DELETE").status_code == 204
    assert accounts(hub, admin, "/eli").status_code == 404
    assert accounts(hub, admin, "/learner", "DELETE").status_code == 409
    headers = {"Authorization": f"Bearer {admin}"}
    register(hub, "fay")
    accounts(hub, admin, "/fay", "PATCH", standing="active", learns=[COURSE])
    assert requests.delete(f"{hub.url}/hub/api/users/fay", headers=headers, timeout=30).status_code == 204
    assert "fay" not in Credentials(hub.state / "credentials.json").users()
    assert '"fay"' not in (hub.state / "members.json").read_text()


def test_a_password_can_be_changed(hub: HubProcess) -> None:
    browser, elsewhere = hub.browser("instructor"), hub.browser("instructor")
    old, new = hub.password("instructor"), "quite another phrase"
    wrong = submit(hub, "password", browser, old="not the old one", password=new, again=new)
    assert (wrong.status_code, "old password is wrong" in wrong.text) == (403, True)
    assert submit(hub, "password", browser, old=old, password="short", again="short").status_code == 400
    done = submit(hub, "password", browser, old=old, password=new, again=new)
    assert (done.status_code, "was changed" in done.text) == (200, True)
    assert browser.session.get(f"{hub.url}/hub/home", allow_redirects=False, timeout=30).status_code == 200
    assert elsewhere.session.get(f"{hub.url}/hub/home", allow_redirects=False, timeout=30).status_code == 302
    assert Browser(hub.url, "instructor").log_in(old).status_code == 403
    assert Browser(hub.url, "instructor").log_in(new).status_code == 200
    assert requests.get(f"{hub.url}/hub/password", allow_redirects=False, timeout=30).status_code == 302


def test_no_form_where_registration_is_closed(running_hub: HubProcess, tmp_path: Path) -> None:
    assert requests.get(f"{running_hub.url}/hub/register", timeout=30).status_code == 404
    assert "hub/register" not in requests.get(f"{running_hub.url}/hub/login", timeout=30).text
