"""The learner's path in a real browser: sign in, start what is up next, check, read, pass, see what follows.

Walked in JupyterLab and in Notebook 7, through the hub, the confined server, the extension, the
grader's judge, the store, the recommender, and back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from nbcoach_exercises.catalogue import Catalogue, read_master, test_cells
from nbcoach_exercises.solutions import Solution, read_solution

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong

COURSE = Catalogue.read(Path(__file__).parents[2] / "exercises/courses").course("python-foundations")
FIRST = next(iter(COURSE.exercises))
QUESTION = COURSE.exercises[FIRST].questions[0]
CELL = QUESTION.answers[0]
CHECKS = [check.name for check in test_cells(read_master(COURSE.exercises[FIRST].folder))[QUESTION.tests[0]].checks]

MISTAKEN = """def mean(values=[]):
    total = sum(values)
    if total == None:
        return 0
    return total / len(values)

print("<b>not bold</b>")
mean()"""


def solution(kind: str) -> Solution:
    return read_solution(COURSE.exercises[FIRST].folder / "solutions" / f"{kind}.py")


def write_answer(page: Page, cell: str, source: str) -> None:
    """Replace an answer cell's text as a person does: click into it, select all, type."""
    footer = page.locator(f'.nbcoach-Footer[data-cell="{cell}"]')
    editor = page.locator(".jp-CodeCell", has=footer).locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def check(page: Page, cell: str) -> Locator:
    """Press *Check* and return the footer."""
    footer = page.locator(f'.nbcoach-Footer[data-cell="{cell}"]')
    footer.locator(".nbcoach-Footer-check").click()
    return footer


def settled(page: Page, cell: str) -> None:
    """Wait until no check of a cell runs, and what is next is known."""
    expect(page.locator(f'.nbcoach-Footer[data-cell="{cell}"]')).to_have_attribute("data-status", "idle")
    expect(page.locator(".nbcoach-UpNext")).to_have_attribute("data-loading", "false")


def walk(page: Page, front_end: str, shot: Callable[[Page, str], Any]) -> None:
    up_next = page.locator(".nbcoach-UpNext")
    expect(up_next).to_have_attribute("data-exercise", FIRST)
    expect(up_next.locator(".nbcoach-UpNext-why")).not_to_be_empty()
    expect(page.locator(".nbcoach-Exercise")).to_have_count(len(COURSE.exercises))
    shot(page, f"{front_end}-1-up-next")

    up_next.locator(".nbcoach-UpNext-start").click()
    footer = page.locator(f'.nbcoach-Footer[data-cell="{CELL}"]')
    expect(footer.locator(".nbcoach-Footer-points")).to_be_visible()
    page.wait_for_timeout(1000)  # a fresh notebook still moves while its kernel starts
    shot(page, f"{front_end}-2-opened")

    write_answer(page, CELL, solution("wrong").sources[CELL])
    check(page, CELL)
    expect(footer).to_have_attribute("data-verdict", "failed")
    failed = footer.locator('.nbcoach-Check[data-verdict="failed"]').first
    expect(failed.locator(".nbcoach-Check-name")).not_to_be_empty()
    failed.locator(".nbcoach-Check-hint").first.click()
    page.wait_for_timeout(500)
    shot(page, f"{front_end}-3-failed")
    expect(up_next).to_have_attribute("data-exercise", FIRST)

    write_answer(page, CELL, f"{solution('correct').sources[CELL]}\n\n{MISTAKEN}")
    check(page, CELL)
    error = footer.locator(".nbcoach-Error")
    expect(error.locator(".nbcoach-Error-message")).to_contain_text("ZeroDivisionError")
    expect(error.locator(".nbcoach-Prose")).to_contain_text("divided by 0")
    for folded in footer.locator("details > summary").all():
        folded.click()
    expect(error.locator(".nbcoach-Trace li")).to_have_count(2)
    shot(page, f"{front_end}-4-error")

    write_answer(page, CELL, solution("correct").sources[CELL])
    check(page, CELL)
    settled(page, CELL)
    expect(footer).to_have_attribute("data-verdict", "passed")
    expect(footer.locator(".nbcoach-Error")).to_have_count(0)
    expect(footer.locator(".nbcoach-Onward-next")).to_be_visible()
    expect(page.locator(".nbcoach-Points")).to_have_text("3 of 3 points")
    expect(footer.locator('.nbcoach-Check[data-verdict="passed"] .nbcoach-Check-name')).to_have_text(CHECKS)
    expect(page.locator(f'.nbcoach-Exercise[data-exercise="{FIRST}"]')).to_have_attribute("data-state", "passed")
    expect(up_next).not_to_have_attribute("data-exercise", FIRST)
    expect(up_next.locator(".nbcoach-UpNext-why")).not_to_be_empty()
    settled(page, CELL)
    shot(page, f"{front_end}-5-passed")


def test_path_in_lab(sign_in: Callable[[str], Page], shot: Callable[[Page, str], Any]) -> None:
    page = sign_in("ada")
    assert re.search(r"/user/ada/lab", page.url)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    walk(page, "lab", shot)
    assert [error for error in errors if "nbcoach" in error] == []


def test_path_in_notebook(platform: Any, sign_in: Callable[[str], Page], shot: Callable[[Page, str], Any]) -> None:
    page = sign_in("ben")
    page.goto(f"{platform.url}/user/ben/tree")
    walk(page, "notebook", shot)


def test_wrong_password_is_refused(platform: Any, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{platform.url}/hub/login")
    page.fill("#username_input", "ada")
    page.fill("#password_input", "not-my-password")
    page.click("#login_submit")
    expect(page.locator(".login_error")).to_be_visible()
    page.close()
