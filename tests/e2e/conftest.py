"""Fixtures of the end-to-end tests: the real platform, started as a user starts it, and a real browser.

platform: `nbcoach up` on a free port with fresh state; its accounts and addresses.
browser: headless Chromium.
learner: a page that is signed in as a learner of its own, with a 1280 × 800 window.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import chromium
import pytest
from hub_process import HubProcess
from people import LEARNERS, PASSWORD, SignIn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from nbcoach_hub.credentials import Credentials

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("NBCOACH_SCREENSHOTS", ROOT / "test-results/screenshots"))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    state = tmp_path_factory.mktemp("state")
    credentials = Credentials(state / "credentials.json")
    for user in ("learner", "instructor", "admin", *LEARNERS):
        credentials.set_password(user, PASSWORD)
    members = {
        "admins": ["admin"],
        "learners": {"python-foundations": ["learner", *LEARNERS]},
        "instructors": {"python-foundations": ["instructor"]},
    }
    (state / "members.json").write_text(json.dumps(members))
    hub = HubProcess(state)
    try:
        yield hub.wait_ready()
    finally:
        assert hub.stop() == [], "processes were left behind"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def sign_in(platform: HubProcess, browser: Browser, request: pytest.FixtureRequest) -> Iterator[SignIn]:
    """Sign somebody in at the hub and return the page, once his server has started."""
    contexts: list[BrowserContext] = []

    def sign(user: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{platform.url}/hub/login")
        page.fill("#username_input", user)
        page.fill("#password_input", PASSWORD)
        page.click("#login_submit")
        page.wait_for_url(re.compile(rf"/user/{user}/"), timeout=120_000)
        return page

    yield sign
    for number, context in enumerate(contexts):
        if getattr(request.node, "failed", False):
            for page in context.pages:
                page.screenshot(path=SCREENSHOTS / f"failed-{request.node.name}-{number}.png")
        context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed  # type: ignore[attr-defined]
    return report


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Keep a picture of a page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=SCREENSHOTS / f"{name}.png")  # type: ignore[return-value]
