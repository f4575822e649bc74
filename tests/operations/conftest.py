"""Fixtures: `platform`, one real hub for all tests of this room, with `learner`, `user_token` and `metrics_token` for it.

It has two courses: the demo's, with accounts as the demo has, and `elsewhere`, which `stranger` learns. Limits of rate are
out of the way; `tests/hub/test_service.py` and `tests/grader/test_grader_service.py` are about them.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hub_process import COURSES, Browser, HubProcess, command

PASSWORD = "a password of some length"
PEOPLE = {
    "learner": ("--learns", "python-foundations"),
    "instructor": ("--teaches", "python-foundations"),
    "admin": ("--admin",),
    "stranger": ("--learns", "elsewhere"),
}
_NO_LIMITS = """
from traitlets.config import Config
from nbcoach_hub import configure
from nbcoach_hub.settings import Settings
made = Config()
configure.configure_services(made, Settings.from_environment())
for service in made.JupyterHub.services:
    if service.get("command") and "nbcoach" in service["command"][-1]:
        service["command"] += ["--Service.requests_per_second=10000", "--Service.request_burst=100000"]
c.JupyterHub.services = made.JupyterHub.services
"""


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with its services and the demo accounts."""
    folder = tmp_path_factory.mktemp("platform")
    courses = folder / "courses"
    shutil.copytree(COURSES / "python-foundations", courses / "python-foundations")
    shutil.copytree(COURSES / "python-foundations", courses / "elsewhere")
    state = folder / "state"
    state.mkdir(mode=0o700)
    (state / "jupyterhub_config.d").mkdir()
    (state / "jupyterhub_config.d" / "50-limits.py").write_text(_NO_LIMITS)
    for user, rights in PEOPLE.items():
        made = subprocess.run(
            command("account", user, "--state", state, "--password-stdin", *rights),
            input=f"{PASSWORD}\n",
            text=True,
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
    hub = HubProcess(state, courses=courses)
    try:
        hub.wait_ready()
        hub.told["accounts"] = [{"user": user, "password": PASSWORD} for user in PEOPLE]
        yield hub
    finally:
        left = hub.stop()
        assert left == [], f"processes were left behind: {left}"


@pytest.fixture(scope="session")
def learner(platform: HubProcess) -> Iterator[Browser]:
    """The demo learner with a running server."""
    browser = platform.browser("learner")
    browser.start_server()
    yield browser
    browser.stop_server()


@pytest.fixture(scope="session")
def user_token(platform: HubProcess) -> Callable[[str], str]:
    """Return for a demo user a token with everything that the user may do."""

    @cache
    def make(user: str) -> str:
        browser = platform.browser(user)
        browser.session.get(f"{platform.url}/hub/token", timeout=30)
        made = browser.session.post(
            f"{platform.url}/hub/api/users/{user}/tokens",
            headers=browser._xsrf("/hub/"),
            json={"note": "test"},
            timeout=30,
        )
        assert made.status_code == 201, made.text
        return str(made.json()["token"])

    return make


@pytest.fixture(scope="session")
def metrics_token(platform: HubProcess) -> str:
    """The token that may read metrics and nothing else."""
    return (platform.state / "metrics-token").read_text().strip()
