"""The accounts service at a real hub: the API, the pages as a browser asks for them, and the audit trail."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hub_process import Browser, HubProcess

PASSWORD = "a long phrase of her own"
COURSE = "python-foundations"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    state = tmp_path_factory.mktemp("accounts") / "state"
    (state / "jupyterhub_config.d").mkdir(parents=True)
    state.chmod(0o700)
    (state / "jupyterhub_config.d" / "homes.py").write_text("c.ConfinedSpawner.delete_homes = True\n")
    hub = HubProcess(state, "--registration", "approval")
    try:
        yield hub.wait_ready()
    finally:
        assert hub.stop() == []


@pytest.fixture(scope="module")
def tokens(hub: HubProcess) -> dict[str, str]:
    return {user: make_token(hub.browser(user)) for user in ("admin", "instructor", "learner")}


def make_token(browser: Browser, **body: Any) -> str:
    url = f"{browser.url}/hub/api/users/{browser.user}/tokens"
    made = browser.session.post(url, headers=browser._xsrf("/hub/"), json={"note": "test", **body}, timeout=30)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def ask(hub: HubProcess, token: str, path: str, verb: str = "GET", **body: Any) -> requests.Response:
    url, headers = f"{hub.url}/services/accounts/api/{path}", {"Authorization": f"Bearer {token}"}
    return requests.request(verb, url, headers=headers, json=body or None, timeout=60)


def recommender_knows(hub: HubProcess, user: str) -> bool:
    """Return whether a name is in the recommender's files, some of which may go meanwhile."""
    found = b""
    for path in (hub.state / "recommender").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += path.read_bytes()
    return user.encode() in found


def register(hub: HubProcess, user: str) -> None:
    session = requests.Session()
    page = session.get(f"{hub.url}/hub/register", timeout=30)
    xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    assert xsrf is not None
    form = {"_xsrf": xsrf.group(1), "username": user, "password": PASSWORD, "again": PASSWORD}
    assert session.post(f"{hub.url}/hub/register", data=form, timeout=60).status_code == 200


def page(browser: Browser, path: str = "") -> requests.Response:
    return browser.session.get(f"{browser.url}/services/accounts/{path}", timeout=60)


def submit(browser: Browser, shown: requests.Response, path: str, **fields: Any) -> requests.Response:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', shown.text)
    assert found is not None, shown.text[:1000]
    url = f"{browser.url}/services/accounts/{path}"
    return browser.session.post(url, data={"form_token": found.group(1), **fields}, timeout=60)


# -- one's own account ----------------------------------------------------------------------------


def test_a_profile_is_written_validated_and_ones_own(hub: HubProcess, tokens: dict[str, str]) -> None:
    mine = {"display_name": "Lea Ä", "email": "lea@uni.example", "language": "de", "goals": ["pandas"]}
    written = ask(hub, tokens["learner"], "profile", "PUT", **mine, preferences={"dark": True}, consents=["research"])
    assert written.status_code == 200, written.text
    told = written.json()
    assert {**mine, "name": "learner", "preferences": {"dark": True}}.items() <= told.items()
    assert set(told["consents"]) == {"research"}
    assert ask(hub, tokens["instructor"], "profile").json()["display_name"] == ""
    kept = ask(hub, tokens["learner"], "profile", "PUT", display_name="Lea").json()
    assert (kept["email"], kept["goals"], kept["consents"]) == ("lea@uni.example", [], told["consents"])
    assert ask(hub, tokens["learner"], "profile", "PUT", consents=[]).json()["consents"] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "learner"},
        {"language": "xx"},
        {"admin": True},
        {"goals": "all"},
        {"preferences": {"a": {}}},
        {"email": "no address"},
        {"email": {"$ne": ""}},
        {"consents": ["everything"]},
        {"display_name": "x" * 101},
    ],
)
def test_a_wrong_profile_is_refused(hub: HubProcess, tokens: dict[str, str], wrong: dict[str, Any]) -> None:
    before = ask(hub, tokens["instructor"], "profile").json()
    answer = ask(hub, tokens["instructor"], "profile", "PUT", **wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
    assert ask(hub, tokens["instructor"], "profile").json() == before


def test_a_learners_server_cannot_export_erase_or_agree(hub: HubProcess) -> None:
    """Its token has what the spawner gives it; code in a notebook may be anybody's."""
    token = make_token(hub.browser("learner"), scopes=["custom:nbcoach:learn", "access:services!service=accounts"])
    assert ask(hub, token, "profile").status_code == 200
    assert ask(hub, token, "profile", "PUT", language="de").status_code == 200
    assert ask(hub, token, "profile", "PUT", consents=["research"]).status_code == 403
    assert ask(hub, token, "profile", "PUT", email="eve@evil.example").status_code == 403
    for verb, path in (("GET", "profile/export"), ("DELETE", "profile/data"), ("DELETE", "profile")):
        assert ask(hub, token, path, verb).status_code == 403, path


# -- administration -------------------------------------------------------------------------------

ADMIN_ROUTES = [
    ("GET", "users"), ("GET", "users/learner"), ("PATCH", "users/learner"), ("DELETE", "users/learner"),
    ("GET", "users/learner/progress"), ("GET", "users/learner/data"), ("DELETE", "users/learner/data"), ("GET", "audit"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "path"), ADMIN_ROUTES)
def test_only_administrators_administer(hub: HubProcess, tokens: dict[str, str], verb: str, path: str) -> None:
    body = {"admin": True} if verb == "PATCH" else {}
    for user in ("learner", "instructor"):
        assert ask(hub, tokens[user], path, verb, **body).status_code == 403, user


def test_from_registration_to_deletion(hub: HubProcess, tokens: dict[str, str]) -> None:
    admin = tokens["admin"]
    register(hub, "ada")
    assert [one["name"] for one in ask(hub, admin, "users?standing=pending").json()["accounts"]] == ["ada"]
    change = {"standing": "active", "learns": [COURSE]}
    assert ask(hub, admin, "users/ada", "PATCH", **change).json()["learns"] == [COURSE]
    ada = Browser(hub.url, "ada")
    assert ada.log_in(PASSWORD).status_code == 200
    token = make_token(ada)
    opened = {"course": COURSE, "exercise": "double-shot", "kind": "opened"}
    url, headers = f"{hub.url}/services/grader/api/events", {"Authorization": f"Bearer {token}"}
    assert requests.post(url, json=opened, headers=headers, timeout=30).status_code in (200, 201)
    ask(hub, token, "profile", "PUT", display_name="Ada", consents=["showcase"])
    ada.start_server()
    assert (hub.state / "homes" / "ada").is_dir()

    exported = ask(hub, token, "profile/export")
    assert "attachment" in exported.headers["Content-Disposition"]
    assert exported.json()["profile"]["display_name"] == "Ada"
    assert [one["kind"] for one in exported.json()["events"]] == ["opened"]
    assert {one["action"] for one in exported.json()["audit"]} >= {"user.change", "profile.update", "data.export"}
    assert ask(hub, admin, "users/ada").json()["profile"]["display_name"] == "Ada"
    assert ask(hub, admin, "users/ada/progress").json() == {"courses": []}

    refused = ask(hub, admin, "users/admin", "PATCH", admin=False)
    assert refused.status_code == 400
    # What was done at the hub itself, as the registration, comes within seconds, before or after.
    trail = ask(hub, admin, "audit?user=ada").json()["entries"]
    changed = next(entry for entry in reversed(trail) if entry["action"] == "user.change")
    assert changed | {"id": "", "at": "", "number": 0, "request": ""} == {
        "actor": "admin", "action": "user.change", "subject": "ada", "outcome": "done", "detail": change,
        "id": "", "at": "", "number": 0, "request": "",
    }  # fmt: skip
    assert ask(hub, admin, "audit?user=admin&limit=1").json()["entries"][0]["outcome"] == "refused"
    older = ask(hub, admin, f"audit?before={trail[0]['number']}&limit=1").json()["entries"]
    assert older[0]["number"] < trail[0]["number"]

    assert ask(hub, admin, "users/ada?data=erase", "DELETE").json()["erased"] >= 2
    assert ask(hub, admin, "users/ada").status_code == 404
    left = ask(hub, admin, "users/ada/data").json()
    assert (left["events"], left["profile"]["display_name"]) == ([], "")
    assert not (hub.state / "homes" / "ada").exists()
    assert '"ada"' not in (hub.state / "members.json").read_text()
    assert ask(hub, token, "profile", "PUT", display_name="Ada").status_code == 403


def test_what_is_done_at_the_hub_itself_is_in_the_audit_trail_too(hub: HubProcess, tokens: dict[str, str]) -> None:
    admin = tokens["admin"]
    register(hub, "zoe")
    headers = {"Authorization": f"Bearer {admin}"}

    def at_the_hub(verb: str, path: str, **body: Any) -> int:
        url = f"{hub.url}/hub/api/{path}"
        return requests.request(verb, url, headers=headers, json=body or None, timeout=60).status_code

    assert ask(hub, admin, "users/zoe", "PATCH", standing="active").status_code == 200
    zoe = Browser(hub.url, "zoe")
    assert zoe.log_in(PASSWORD).status_code == 200
    make_token(zoe)
    assert at_the_hub("PATCH", "nbcoach/accounts/zoe", learns=[COURSE]) == 200
    assert at_the_hub("POST", "users/zoe/tokens", note="for her") == 201
    assert at_the_hub("DELETE", f"groups/nbgrader-{COURSE}/users", users=["zoe"]) == 200
    assert at_the_hub("DELETE", "users/zoe") == 204
    deadline = time.monotonic() + 30
    while True:
        entries = ask(hub, admin, "audit?limit=20").json()["entries"]
        told = [(one["actor"], one["action"], one["subject"], one["detail"]) for one in reversed(entries)]
        if told[-1][3].get("path") == "users/zoe":
            break
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
    # What the accounts service did at the hub is there once, and what she did for herself is not.
    about = [one for one in told if one[2] == "zoe"]
    assert sorted(about, key=str) == [
        ("", "user.register", "zoe", {}),
        ("admin", "hub.delete", "zoe", {"path": f"groups/nbgrader-{COURSE}/users"}),
        ("admin", "hub.delete", "zoe", {"path": "users/zoe"}),
        ("admin", "hub.patch", "zoe", {"path": "nbcoach/accounts/zoe", "learns": [COURSE]}),
        ("admin", "hub.post", "zoe", {"path": "users/zoe/tokens", "note": "for her"}),
        ("admin", "user.change", "zoe", {"standing": "active"}),
    ]


def test_an_export_has_what_the_recommender_keeps_or_says_that_it_does_not(
    hub: HubProcess, tokens: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {tokens['learner']}"}
    wanted = {"goals": ["loops"], "minutes": 20, "challenge": "easier"}
    preferences = f"{hub.url}/services/recommender/api/courses/{COURSE}/preferences"
    assert requests.put(preferences, json=wanted, headers=headers, timeout=30).json() == wanted
    said = {"course": COURSE, "exercise": "rain-tank", "kind": "too-hard"}
    answer = requests.post(f"{hub.url}/services/grader/api/events", json=said, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text

    def kept(token: str, path: str) -> dict[str, Any]:
        found = ask(hub, token, path)
        body: dict[str, Any] = found.json()
        assert (found.status_code, body["missing"]) == (200, []), found.text
        return body["recommender"][0] if body["recommender"] else {}

    deadline = time.monotonic() + 20
    while not kept(tokens["learner"], "profile/export").get("put_aside"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    body = ask(hub, tokens["learner"], "profile/export").json()
    (course,) = body["recommender"]
    assert (course["course"], course["put_aside"]) == (COURSE, {"rain-tank": "too-hard"})
    assert wanted.items() <= course["preferences"].items()
    assert [(event["exercise"], event["kind"]) for event in body["events"]] == [("rain-tank", "too-hard")]
    assert kept(tokens["admin"], "users/learner/data") == course
    assert kept(tokens["admin"], "profile/export") == {}
    assert (
        requests.get(f"{hub.url}/services/recommender/api/learners/learner", headers=headers, timeout=30).status_code
        == 403
    )

    (recommender,) = [pid for pid in hub.pids() if "nbcoach_recommender" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(recommender, signal.SIGSTOP)
    try:
        found = ask(hub, tokens["learner"], "profile/export")
    finally:
        os.kill(recommender, signal.SIGCONT)
    body = found.json()
    assert (found.status_code, body["recommender"]) == (200, None)
    assert body["missing"] == [{"part": "recommender", "reason": "The recommender does not answer in time."}]
    assert "nbcoach-export-incomplete.json" in found.headers["Content-Disposition"]
    assert body["events"]


def test_erasing_ones_own_data_leaves_no_name(hub: HubProcess, tokens: dict[str, str]) -> None:
    ask(hub, tokens["instructor"], "profile", "PUT", display_name="Ines")
    headers = {"Authorization": f"Bearer {tokens['instructor']}"}
    preferences = f"{hub.url}/services/recommender/api/courses/{COURSE}/preferences"
    told = requests.put(
        preferences, json={"goals": [], "minutes": 7, "challenge": "harder"}, headers=headers, timeout=30
    )
    assert told.json()["minutes"] == 7, told.text
    assert recommender_knows(hub, "instructor")
    assert ask(hub, tokens["instructor"], "profile/data", "DELETE").json()["erased"] >= 1
    assert ask(hub, tokens["instructor"], "profile").json()["display_name"] == ""
    assert ask(hub, tokens["admin"], "audit?user=instructor").json()["entries"] == []
    newest = ask(hub, tokens["admin"], "audit?limit=1").json()["entries"][0]
    assert (newest["action"], newest["actor"], newest["detail"]["own"]) == ("data.erase", "", True)
    # The recommender follows: what it was told goes, also from its files.
    deadline = time.monotonic() + 30
    while recommender_knows(hub, "instructor"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert requests.get(preferences, headers=headers, timeout=30).json()["minutes"] == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("users/nobody", 404),
        ("users/..%2Fadmin", 400),
        ("users/%00", 400),
        ("users?standing=odd", 400),
        ("users?limit=0", 400),
        ("users?offset=-1", 400),
        ("audit?user=%7B%22$ne%22:1%7D", 400),
        ("audit?before=x", 400),
    ],
)
def test_wrong_questions_are_refused(hub: HubProcess, tokens: dict[str, str], path: str, status: int) -> None:
    assert ask(hub, tokens["admin"], path).status_code == status


# -- pages ----------------------------------------------------------------------------------------


def test_what_is_wrong_is_said_in_the_readers_language(hub: HubProcess) -> None:
    browser = hub.browser("admin")
    browser.session.headers["Accept-Language"] = "de"
    for path, status, said in (
        ("users/nobody", 404, "Es gibt keinen Benutzer"),
        ("users/-", 400, "Das kann kein Benutzername"),
    ):
        shown = page(browser, path)
        assert (shown.status_code, said in shown.text) == (status, True), shown.text


def test_a_page_leads_to_the_log_in_and_back(hub: HubProcess) -> None:
    stranger = requests.get(f"{hub.url}/services/accounts/", timeout=30)
    assert "/hub/login" in stranger.url
    answer = page(hub.browser("learner"))
    assert (answer.status_code, answer.url) == (200, f"{hub.url}/services/accounts/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "Users" not in re.findall(r"<nav.*?</nav>", answer.text, re.DOTALL)[0]


def test_the_profiles_form(hub: HubProcess) -> None:
    browser = hub.browser("learner")
    fields = {"display_name": "<b>Lea</b>", "email": "", "language": "de", "goals": "pandas\n\nplots"}
    saved = submit(browser, page(browser), "", **fields, consents=["research", "showcase"])
    assert saved.status_code == 200
    assert "Deine Änderungen sind gespeichert." in saved.text
    assert "&lt;b&gt;Lea&lt;/b&gt;" in saved.text
    assert saved.text.count(" checked") == 2
    wrong = submit(browser, saved, "", **{**fields, "email": "no address"})
    assert wrong.status_code == 400
    assert 'value="no address"' in wrong.text
    assert "plots" in wrong.text
    assert 'attachment; filename="nbcoach-export.json"' in page(browser, "export").headers["Content-Disposition"]
    back = submit(browser, page(browser, "erase"), "erase", confirm="somebody else")
    assert back.status_code == 400
    erased = submit(browser, back, "erase", confirm="learner")
    assert "has been erased" in erased.text  # and so has the language
    assert "Lea" not in erased.text


def test_forged_forms_and_scripts_are_refused(hub: HubProcess) -> None:
    browser, other = hub.browser("learner"), hub.browser("instructor")
    shown, elsewhere = page(browser), page(other)
    assert submit(browser, elsewhere, "", display_name="Eve", language="en").status_code == 403
    url = f"{hub.url}/services/accounts/"
    assert browser.session.post(url, data={"display_name": "Eve", "language": "en"}, timeout=30).status_code == 403
    for mode in ("cors", "no-cors", "same-origin"):
        read = browser.session.get(url, headers={"Sec-Fetch-Mode": mode}, timeout=30)
        assert read.status_code == 403
        assert "form_token" not in read.text
    assert "Eve" not in page(browser).text
    assert shown.status_code == 200


def test_administrators_approve_change_and_delete_on_pages(hub: HubProcess) -> None:
    register(hub, "ben")
    admin = hub.browser("admin")
    listed = page(admin, "users")
    assert "Waiting for approval: 1" in listed.text
    approved = submit(admin, listed, "users/ben", action="approve", back="users")
    assert "Waiting for approval" not in approved.text
    shown = page(admin, "users/ben")
    changed = submit(admin, shown, "users/ben", action="roles", courses="1", learns=[COURSE])
    assert f'id="learns-{COURSE}" name="learns" value="{COURSE}" checked' in changed.text
    refused = submit(admin, changed, "users/admin", action="disable")
    assert refused.status_code == 400
    assert "You cannot take your own rights away." in refused.text
    assert "user.change" in page(admin, "audit?user=ben").text
    kept = submit(admin, shown, "users/ben", action="delete", confirm="Ben!")
    assert kept.status_code == 400
    gone = submit(admin, shown, "users/ben", action="delete", confirm="ben", data="1")
    assert gone.status_code == 200
    assert ">ben<" not in gone.text
    for path in ("users", "users/admin", "audit"):
        assert page(hub.browser("learner"), path).status_code == 403, path


def test_who_logs_out_of_the_hub_is_out_here(hub: HubProcess) -> None:
    browser = hub.browser("learner")
    assert page(browser).status_code == 200
    browser.session.get(f"{hub.url}/hub/logout", timeout=30)
    assert "/hub/login" in page(browser).url


def test_no_address_is_readable_in_the_store(hub: HubProcess, tokens: dict[str, str]) -> None:
    ask(hub, tokens["learner"], "profile", "PUT", display_name="Readable Name", email="readable@uni.example")
    for file in Path(hub.state).glob("store.sqlite*"):
        assert b"eadable" not in file.read_bytes(), file.name
    assert "readable@uni.example" not in hub.log
