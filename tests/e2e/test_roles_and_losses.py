"""Who sees what, and what a learner notices when a part of the platform is lost for a while."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from test_learner_path import CELL, COURSE, FIRST, check, solution, write_answer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_instructor_sees_the_course(sign_in: Callable[[str], Page]) -> None:
    page = sign_in("instructor")
    expect(page.locator(".nbcoach-Exercise")).to_have_count(len(COURSE.exercises))


def test_admin_reaches_the_admin_page_and_a_learner_does_not(platform: Any, sign_in: Callable[[str], Page]) -> None:
    admin = sign_in("admin")
    answer = admin.goto(f"{platform.url}/hub/admin")
    assert answer is not None
    assert answer.status == 200
    learner = sign_in("dan")
    answer = learner.goto(f"{platform.url}/hub/admin")
    assert answer is not None
    assert answer.status == 403


def test_check_waits_for_a_lost_grader_and_is_answered(platform: Any, sign_in: Callable[[str], Page]) -> None:
    page = sign_in("dan")
    page.locator(".nbcoach-UpNext-start").click()
    footer = page.locator(f'.nbcoach-Footer[data-cell="{CELL}"]')
    expect(footer.locator(".nbcoach-Footer-points")).to_be_visible()
    page.wait_for_timeout(1000)
    write_answer(page, CELL, solution("correct").sources[CELL])

    (grader,) = [pid for pid in platform.pids() if b"nbcoach_grader\0" in command_line(pid)]
    os.kill(grader, signal.SIGKILL)
    check(page, CELL)
    expect(footer).to_have_attribute("data-verdict", "passed", timeout=90_000)  # the hub starts it again
    expect(page.locator(f'.nbcoach-Exercise[data-exercise="{FIRST}"]')).to_have_attribute("data-state", "passed")


def command_line(pid: int) -> bytes:
    """Return the command line of a process, empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
