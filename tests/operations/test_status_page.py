"""The status page: who sees it, what it says, and what a browser is allowed to do with it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import chromium
import psutil
import pytest
import requests
from hub_process import HubProcess
from live_checks import service

from nbcoach_hub.configure import SERVICES


def page(hub: HubProcess, user: str) -> requests.Response:
    return hub.browser(user).session.get(f"{hub.url}/services/status/", timeout=30)


def pid_of(hub: HubProcess, module: str) -> int:
    """Return the process of a service."""
    return next(pid for pid in hub.pids() if psutil.pid_exists(pid) and module in psutil.Process(pid).cmdline())


def test_an_admin_sees_every_part_of_the_registry(platform: HubProcess) -> None:
    answer = page(platform, "admin")
    assert answer.status_code == 200
    named = re.findall(r'<th scope="row">(\w+)</th>', answer.text)
    assert named == ["hub", *sorted(entry.name for entry in SERVICES)]
    assert "All 5 parts work." in answer.text
    for word in ("Sandbox", "Checks waiting", "Check time, half below", "Warm snapshots", "Store", "sqlite"):
        assert word in answer.text


@pytest.mark.parametrize("user", ["learner", "instructor"])
def test_others_do_not(platform: HubProcess, user: str) -> None:
    assert page(platform, user).status_code == 403


def test_a_stranger_is_sent_to_the_log_in(platform: HubProcess) -> None:
    answer = requests.get(f"{platform.url}/services/status/", timeout=30)
    assert "/hub/login" in answer.url


def test_it_is_in_the_menu_of_those_who_may_see_it(platform: HubProcess) -> None:
    for user, seen in (("admin", True), ("learner", False), ("instructor", False)):
        home = platform.browser(user).session.get(f"{platform.url}/hub/home", timeout=30)
        assert ("/services/status" in home.text) is seen, user


def test_it_speaks_the_browsers_language(platform: HubProcess) -> None:
    session = platform.browser("admin").session
    session.headers["Accept-Language"] = "de-AT,de;q=0.9,en;q=0.5"
    answer = session.get(f"{platform.url}/services/status/", timeout=30)
    assert '<html lang="de">' in answer.text
    assert "Alle 5 Teile arbeiten." in answer.text
    assert "Prüfzeit, die Hälfte unter" in answer.text
    home = session.get(f"{platform.url}/hub/home", timeout=30)
    assert re.search(r'<nav [^>]*lang="de">.*Dienste.*Abmelden.*</nav>', home.text, re.DOTALL)


def test_a_browser_may_load_nothing_and_run_nothing(platform: HubProcess) -> None:
    answer = page(platform, "admin")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script" not in answer.text
    assert "style=" not in answer.text


def test_a_forged_way_back_from_the_log_in_is_refused(platform: HubProcess) -> None:
    for query in ("", "?code=x", "?code=x&state=y", "?error=%3Cscript%3E"):
        answer = requests.get(f"{platform.url}/services/status/oauth_callback{query}", timeout=30)
        assert answer.status_code in (400, 403), query
        assert "<script>" not in answer.text


def test_programs_get_the_same(platform: HubProcess, metrics_token: str, user_token: Callable[[str], str]) -> None:
    told = service(platform.url, "status/api/status", metrics_token).json()
    assert [part["state"] for part in told["parts"]] == ["ok"] * 5
    assert service(platform.url, "status/api/status", user_token("learner")).status_code == 403


def test_a_part_that_hangs_is_shown_and_the_rest_as_well(platform: HubProcess, metrics_token: str) -> None:
    grader = pid_of(platform, "nbcoach_grader")
    os.kill(grader, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        parts = {
            part["name"]: part for part in service(platform.url, "status/api/status", metrics_token).json()["parts"]
        }
        assert time.monotonic() - begun < 20
        assert parts["grader"]["state"] == "away"
        assert parts["accounts"]["state"] == "ok"
        assert "One of 5 parts needs attention: grader." in page(platform, "admin").text
    finally:
        os.kill(grader, signal.SIGCONT)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark(platform: HubProcess, scheme: str, tmp_path: Path) -> None:
    """Contrast of every text is at least 4.5 to 1, and a narrow window needs no sideways scrolling of the page."""
    sync = pytest.importorskip("playwright.sync_api")

    executable = chromium.find()
    if executable is None:
        pytest.skip(chromium.MISSING)
    with sync.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
        tab = browser.new_context(color_scheme=scheme, viewport={"width": 900, "height": 1100}).new_page()
        troubles: list[str] = []
        tab.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        tab.goto(f"{platform.url}/hub/login")
        tab.fill("#username_input", "admin")
        tab.fill("#password_input", platform.password("admin"))
        tab.click("#login_submit")
        tab.wait_for_url(lambda url: "/hub/login" not in url)  # to a server that runs it goes at once
        troubles.clear()
        tab.goto(f"{platform.url}/services/status/")
        tab.screenshot(path=str(tmp_path / f"status-{scheme}.png"), full_page=True)
        if folder := os.environ.get("NBCOACH_SCREENSHOTS"):
            tab.screenshot(path=f"{folder}/status-{scheme}.png", full_page=True)
        low = json.loads(tab.evaluate(_CONTRAST))
        assert low == []
        assert troubles == []
        tab.set_viewport_size({"width": 360, "height": 700})
        assert tab.evaluate("document.documentElement.scrollWidth <= 360")
        browser.close()


_CONTRAST = """() => {
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(x => x / 255)
    .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4); return .2126*v[0] + .7152*v[1] + .0722*v[2]; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  const low = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const a = light(getComputedStyle(e).color), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) low.push([e.tagName, e.textContent.trim().slice(0, 30), ratio]);
  }
  return JSON.stringify(low);
}"""
