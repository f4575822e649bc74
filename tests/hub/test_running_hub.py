"""A real hub: who gets in, and what a learner can reach from his own server."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from hub_process import COURSES, REPOSITORY, Browser, HubProcess

from nbcoach_hub.credentials import Credentials
from nbcoach_hub.processes import descendants

COURSE = "python-foundations"


@pytest.fixture(scope="module")
def learner(running_hub: HubProcess) -> Iterator[Browser]:
    """The demo learner with a running server."""
    browser = running_hub.browser("learner")
    browser.start_server()
    yield browser
    browser.stop_server()


def token(hub: HubProcess, user: str) -> str:
    """A token with everything that the user may do."""
    browser = hub.browser(user)
    browser.session.get(f"{hub.url}/hub/token", timeout=30)
    made = browser.session.post(
        f"{hub.url}/hub/api/users/{user}/tokens", headers=browser._xsrf("/hub/"), json={"note": "test"}, timeout=30
    )
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def ask(hub: HubProcess, path: str, secret: str | None, verb: str = "GET", **body: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return requests.request(verb, f"{hub.url}/services/{path}", headers=headers, json=body or None, timeout=30)


def test_a_wrong_password_is_refused_and_a_right_one_is_not(running_hub: HubProcess) -> None:
    browser = Browser(running_hub.url, "instructor")
    assert browser.log_in("a wrong password").status_code == 403
    assert browser.session.get(f"{running_hub.url}/hub/home", allow_redirects=False, timeout=30).status_code == 302
    assert browser.log_in(running_hub.password("instructor")).url.endswith("/hub/home")


def test_guessing_is_locked_out(running_hub: HubProcess) -> None:
    browser = Browser(running_hub.url, "somebody")
    answers = [browser.log_in(f"guess number {n}").status_code for n in range(7)]
    assert answers[:5] == [403] * 5
    assert 429 in answers[5:]
    assert running_hub.browser("learner")


def test_nobody_is_told_who_exists(running_hub: HubProcess) -> None:
    def refusal(user: str) -> str:
        answer = Browser(running_hub.url, user).log_in("a wrong password")
        return f"{answer.status_code} {'Invalid username or password' in answer.text}"

    assert refusal("admin") == refusal("nobody-at-all") == "403 True"


def test_only_the_admin_administers(running_hub: HubProcess) -> None:
    for user, status in (("admin", 200), ("instructor", 403), ("learner", 403)):
        page = running_hub.browser(user).session.get(f"{running_hub.url}/hub/admin", timeout=30)
        assert page.status_code == status, user


def test_no_page_is_public_that_should_not_be(running_hub: HubProcess) -> None:
    for path in ("hub/metrics", "hub/api/users", "hub/api/services", "services/accounts/metrics"):
        assert requests.get(f"{running_hub.url}/{path}", timeout=30).status_code == 403, path


def test_services_check_the_hubs_own_tokens(running_hub: HubProcess) -> None:
    Credentials(running_hub.state / "credentials.json").set_password("outsider", "a long enough one")
    outsider = Browser(running_hub.url, "outsider")
    assert outsider.log_in("a long enough one").status_code == 200
    headers = outsider._xsrf("/hub/")
    made = outsider.session.post(
        f"{running_hub.url}/hub/api/users/outsider/tokens", headers=headers, json={}, timeout=30
    )
    tokens = {
        "learner": token(running_hub, "learner"),
        "outsider": made.json()["token"],
        "nobody": None,
        "wrong": "0" * 32,
    }
    found = {who: ask(running_hub, "accounts/api/profile", secret).status_code for who, secret in tokens.items()}
    assert found == {"learner": 200, "outsider": 200, "nobody": 403, "wrong": 403}
    assert ask(running_hub, f"grader/api/courses/{COURSE}", tokens["outsider"]).status_code == 403
    assert ask(running_hub, "accounts/metrics", tokens["learner"]).status_code == 403
    assert ask(running_hub, "accounts/metrics", token(running_hub, "admin")).status_code == 200
    assert ask(running_hub, "accounts/health", None).json()["checks"] == {"store": "ok"}


def test_refusals_one_after_the_other_reach_the_caller(running_hub: HubProcess) -> None:
    """The proxy keeps connections: it must not use one that a refusal has ended."""
    with requests.Session() as session:
        url = f"{running_hub.url}/services/accounts/api/profile"
        found = [
            session.request(
                verb, url, headers={"Authorization": f"Bearer {'0' * 32}"}, json=body, timeout=30
            ).status_code
            for _ in range(150)
            for verb, body in (("GET", None), ("PUT", {"display_name": "x" * 1000}))
        ]
    assert set(found) == {403}, [number for number, status in enumerate(found) if status != 403]


def test_the_server_calls_services_as_its_learner(learner: Browser) -> None:
    out = learner.run(
        """
import json, os, urllib.error, urllib.request
def status(url):
    headers = {"Authorization": "Bearer " + os.environ["JUPYTERHUB_API_TOKEN"]}
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status
    except urllib.error.HTTPError as err:
        return err.code
accounts, hub = os.environ["NBCOACH_ACCOUNTS_URL"], os.environ["JUPYTERHUB_API_URL"]
paths = [accounts + "api/profile", accounts + "metrics", hub + "/users", hub + "/users/instructor", hub + "/proxy"]
print(json.dumps([status(path) for path in paths]))
"""
    )
    assert json.loads(out) == [200, 403, 403, 404, 403]


def test_foreign_courses_do_not_exist(running_hub: HubProcess) -> None:
    health = ask(running_hub, "grader/health", None)
    if health.headers.get("Content-Type", "").startswith("text/html"):
        pytest.skip("the grader is not installed")
    mine = token(running_hub, "learner")
    assert ask(running_hub, f"grader/api/courses/{COURSE}", mine).status_code == 200
    assert ask(running_hub, "grader/api/courses/another", mine).status_code == 404


def test_a_kernel_in_a_server_is_confined(running_hub: HubProcess, learner: Browser) -> None:
    hub_pid = running_hub.process.pid
    others = running_hub.state / "homes" / "instructor"
    others.mkdir(exist_ok=True, mode=0o700)
    (others / "private.txt").write_text("private")
    outside = [
        running_hub.state,
        others,
        COURSES,
        REPOSITORY / "grader",
        REPOSITORY / "hub_config",
        REPOSITORY / ".git",
    ]
    files = ["hub.sqlite", "cookie_secret", "credentials.json", "demo_accounts.json", "store.sqlite", "logs/hub.log"]
    paths = [str(path) for path in [*outside, others / "private.txt", *(running_hub.state / name for name in files)]]
    paths += [f"/proc/{pid}/environ" for pid in (1, hub_pid, *descendants(hub_pid)[:3])] + ["/etc/shadow", "/root"]
    pids = [hub_pid, *descendants(hub_pid)[:4]]
    out = learner.run(
        textwrap.dedent(
            f"""
            import ctypes, os, signal, socket
            reached = []
            def attempt(name, action, *arguments):
                try:
                    action(*arguments)
                except OSError:
                    return
                reached.append(name)
            for path in {paths!r}:
                for action in (open, os.listdir, lambda p: open(p, "a"), os.unlink, lambda p: os.rename(p, "x")):
                    attempt(path, action, path)
            for pid in {pids!r}:
                attempt(f"kill {{pid}}", os.kill, pid, signal.SIGKILL)
            attempt("local socket", socket.socket, socket.AF_UNIX)
            attempt("write in the installation", open, os.__file__, "a")
            if ctypes.CDLL(None).ptrace(16, {hub_pid}, 0, 0) == 0:
                reached.append("ptrace")
            if ctypes.CDLL(None).unshare(0x10000000) == 0:
                reached.append("namespace")
            print(reached)
            """
        )
    )
    assert out == "[]\n"
    assert running_hub.process.poll() is None
    assert (others / "private.txt").read_text() == "private"


def test_work_in_a_server_is_not_hindered(learner: Browser) -> None:
    out = learner.run(
        """
import matplotlib, multiprocessing, os, pandas, sqlite3, subprocess, tempfile
matplotlib.use("agg")
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.savefig("plot.png")
pandas.DataFrame({"a": [1]}).to_csv("a.csv")
sqlite3.connect("a.sqlite").execute("create table t (x)")
with tempfile.TemporaryDirectory() as folder:
    assert folder.startswith(os.environ["HOME"])
assert subprocess.run(["ls", "-l"], capture_output=True).returncode == 0
with multiprocessing.get_context("fork").Pool(2) as pool:  # Python 3.14 would start a server with a local socket
    assert pool.map(abs, [-1, -2]) == [1, 2]
assert os.getcwd() == os.environ["HOME"] and os.path.getsize("plot.png") > 1000
print("all fine")
"""
    )
    assert out.endswith("all fine\n"), out


def test_a_terminal_in_a_server_is_confined(running_hub: HubProcess, learner: Browser) -> None:
    shown = learner.terminal(f"cat {running_hub.state}/cookie_secret; ls {COURSES}; echo do''ne", "done")
    assert shown.count("Permission denied") == 2, shown


def test_the_homes_files_are_served(learner: Browser) -> None:
    assert learner.api("PUT", "api/contents/a.txt", type="file", format="text", content="x").status_code == 201
    listed = learner.api("GET", "api/contents").json()["content"]
    assert "a.txt" in [entry["name"] for entry in listed]
    page = learner.session.get(f"{learner.server}/lab", timeout=30).text
    assert "apputils-extension:announcements" in page.partition("disabledExtensions")[2][:300]


def test_another_users_server_is_closed(running_hub: HubProcess, learner: Browser) -> None:
    answer = running_hub.browser("instructor").session.get(f"{learner.server}/api/contents", timeout=30)
    assert answer.status_code in (403, 404)
    assert requests.get(f"{learner.server}/api/contents", timeout=30).status_code in (403, 404)


def test_the_log_holds_no_secrets(running_hub: HubProcess, learner: Browser) -> None:
    secrets = [str(account["password"]) for account in running_hub.told["accounts"]]
    secrets.append(learner.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'], end='')"))
    assert all(len(secret) > 10 for secret in secrets)
    log = running_hub.log
    assert [secret for secret in secrets if secret in log] == []


def test_files_of_the_state_folder_are_private(running_hub: HubProcess) -> None:
    homes = running_hub.state / "homes"
    open_to_others = [
        path
        for path in [running_hub.state, *running_hub.state.rglob("*")]
        if not path.is_symlink()
        and not (homes in path.parents and path.parent != homes)
        and path.stat().st_mode & 0o077
    ]
    assert [str(path) for path in open_to_others] == []
    assert not Path(running_hub.state, "homes", "learner").stat().st_mode & 0o077
