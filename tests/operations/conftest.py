"""Fixtures: `platform`, one real hub for all tests of this room, and `admin_token`, `user_token`, `metrics_token` for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hub_process import Browser, HubProcess


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with its services and the demo accounts."""
    hub = HubProcess(tmp_path_factory.mktemp("platform") / "state")
    try:
        yield hub.wait_ready()
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
