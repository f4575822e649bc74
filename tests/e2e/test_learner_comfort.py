"""What makes the front end a pleasure: no page that jumps, keyboard, screen reader, themes, German, and no live HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe import serious_findings
from lab_settings import LANGUAGE, THEME, write_settings
from playwright.sync_api import Locator, Page, expect
from test_learner_path import CELL, COURSE, FIRST, check, settled, solution, write_answer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
OWN = (".nbcoach-Panel", ".nbcoach-Footer", ".nbcoach-Points")
OWN_PLUGIN = "@nbcoach/labextension:plugin"
CANARY = "<img src=x onerror=\"window.canary='hatched'\"><script>window.canary='hatched'</script>"
HOSTILE = f"""class Mistake(Exception):
    pass

Mistake.__name__ = {CANARY!r}

def espressos(doubles):
    print({CANARY!r})
    return {CANARY!r}

print({CANARY!r})
espressos(1)
raise Mistake({CANARY!r})"""

FRONT_ENDS = pytest.mark.parametrize("front_end", ["lab", "notebook"])


class Learner:
    """A learner with the first exercise open, in one of the two front ends."""

    def __init__(self, page: Page, url: str, front_end: str) -> None:
        self.page = page
        self.url = url
        folder = f"{COURSE.id}/{FIRST}/{FIRST}.ipynb"
        self.notebook = f"{url}/lab/tree/{folder}" if front_end == "lab" else f"{url}/notebooks/{folder}"
        page.locator(".nbcoach-UpNext-start").wait_for()
        page.locator(f'.nbcoach-Exercise[data-exercise="{FIRST}"]').click()
        self.footer.wait_for()
        self.open()

    def open(self) -> None:
        self.page.goto(self.notebook)
        self.footer.locator(".nbcoach-Footer-points").wait_for()
        self.page.wait_for_timeout(1500)  # a fresh notebook still moves while its kernel starts

    @property
    def footer(self) -> Locator:
        return self.page.locator(f'.nbcoach-Footer[data-cell="{CELL}"]')

    def set(self, plugin: str, **settings: Any) -> None:
        write_settings(self.page, self.url, plugin, **settings)
        self.open()

    def answer(self, source: str) -> None:
        write_answer(self.page, CELL, source)
        check(self.page, CELL)
        self.page.wait_for_timeout(100)
        settled(self.page, CELL)


@pytest.fixture
def learner(platform: Any, sign_in: Callable[[str], Page], front_end: str) -> Learner:
    user = {"lab": "eva", "notebook": "finn"}[front_end]
    return Learner(sign_in(user), f"{platform.url}/user/{user}", front_end)


@FRONT_ENDS
def test_no_serious_finding_of_axe_in_any_theme(learner: Learner, front_end: str, shot: Callable[..., Any]) -> None:
    for theme in THEMES:
        learner.set(THEME, theme=theme)
        learner.answer(solution("wrong").sources[CELL])
        learner.footer.locator(".nbcoach-Check-hint").first.click()
        expect(learner.footer.locator(".nbcoach-Hint")).to_have_count(1)
        shot(learner.page, f"{front_end}-theme-{theme.split()[-1].lower()}")
        assert serious_findings(learner.page, *OWN) == [], theme
    learner.set(THEME)


@pytest.mark.parametrize("front_end", ["lab"])
def test_settings_page_says_and_keeps_what_is_wanted(learner: Learner, shot: Callable[..., Any]) -> None:
    page = learner.page
    page.keyboard.press("Control+,")
    page.locator(".jp-PluginList input").first.fill("exercises")
    page.locator(f'.jp-PluginList [data-id="{OWN_PLUGIN}"]').first.click()
    form = page.locator(".jp-SettingsForm")
    expect(form.get_by_role("checkbox")).to_have_count(5)
    assert serious_findings(page, ".jp-SettingsForm") == []
    form.get_by_label("Check when a cell is run").check()
    form.get_by_label("Show time and memory").uncheck()
    shot(page, "lab-settings")
    page.wait_for_timeout(1000)  # the page saves soon after a change
    learner.open()
    write_answer(page, CELL, solution("correct").sources[CELL])
    page.keyboard.press("Shift+Enter")
    expect(learner.footer).to_have_attribute("data-verdict", "passed")
    expect(learner.footer.locator(".nbcoach-Footer-aside")).to_be_empty()
    learner.set(OWN_PLUGIN)


@FRONT_ENDS
def test_feedback_moves_nothing_that_was_looked_at(learner: Learner, front_end: str) -> None:
    write_answer(learner.page, CELL, solution("wrong").sources[CELL])
    button = learner.footer.locator(".nbcoach-Footer-check")
    learner.page.wait_for_timeout(500)
    learner.page.evaluate(
        """button => {
             window.places = [];
             const look = () => {
               const box = button.getBoundingClientRect();
               window.places.push([Math.round(box.left), Math.round(box.top), Math.round(box.width)].join());
               window.looking = requestAnimationFrame(look);
             };
             look();
           }""",
        button.element_handle(),
    )
    button.click()
    expect(learner.footer).to_have_attribute("data-verdict", "failed")
    settled(learner.page, CELL)
    learner.page.wait_for_timeout(300)
    assert len(set(learner.page.evaluate("[...new Set(window.places)]"))) == 1


@FRONT_ENDS
def test_keyboard_alone_writes_checks_and_reads(learner: Learner, front_end: str) -> None:
    page = learner.page
    write_answer(page, CELL, solution("wrong").sources[CELL])
    page.keyboard.press("Control+Alt+Enter")
    expect(learner.footer).to_have_attribute("data-verdict", "failed")
    announced = page.locator(".nbcoach-Announcer")
    expect(announced).to_have_attribute("aria-live", "polite")
    expect(announced).to_contain_text("Not yet")
    page.keyboard.press("Escape")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.className")
        reached.append(name)
        if "nbcoach-Check-hint" in name:
            break
    assert any("nbcoach-Footer-check" in name for name in reached), reached
    assert "nbcoach-Check-hint" in reached[-1], reached
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "what has the focus must be seen"
    page.keyboard.press("Enter")
    expect(learner.footer.locator(".nbcoach-Hint")).to_have_count(1)
    assert page.evaluate("document.activeElement.closest('.nbcoach-Hints') !== null"), "the focus was lost"


@FRONT_ENDS
def test_nothing_becomes_live_html(learner: Learner, front_end: str) -> None:
    learner.answer(HOSTILE)
    expect(learner.footer.locator(".nbcoach-Error-message")).to_contain_text("<img src=x")
    for folded in learner.footer.locator("details > summary").all():
        folded.click()
    learner.page.wait_for_timeout(500)
    assert learner.footer.locator("img, script").count() == 0
    assert learner.page.evaluate("window.canary") is None


@FRONT_ENDS
def test_german_from_panel_to_feedback(learner: Learner, front_end: str, shot: Callable[..., Any]) -> None:
    learner.set(LANGUAGE, locale="de_DE")
    page = learner.page
    expect(page.locator(".nbcoach-UpNext h3")).to_have_text("Als Nächstes")
    expect(learner.footer.locator(".nbcoach-Footer-check")).to_have_text("Prüfen")
    learner.answer(f"{solution('correct').sources[CELL]}\n\nespressos(1) / 0")
    expect(learner.footer.locator(".nbcoach-Error .nbcoach-Prose")).to_contain_text("durch 0 geteilt")
    shot(page, f"{front_end}-german-error")
    learner.answer(solution("wrong").sources[CELL])
    expect(learner.footer.locator(".nbcoach-Check-message").first).to_contain_text("erwartet wird")
    shot(page, f"{front_end}-german")
    learner.set(LANGUAGE)
