"""The work cycle in a real browser: hand in, read what is said about it, get a new version, begin anew, lose the grader.

Walked in JupyterLab and in Notebook 7, on a hub of its own whose course can be changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from axe import serious_findings
from hub_process import COURSES, Browser, HubProcess
from people import LEARNERS, PASSWORD, SignIn
from playwright.sync_api import Dialog, Locator, Page, WebSocketRoute, expect
from test_learner_path import check, write_answer
from test_roles_and_losses import command_line

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.solutions import read_solution
from nbcoach_hub.credentials import Credentials

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

expect.set_options(timeout=30_000)

COURSE = "python-foundations"
EXERCISE = "double-shot"
FOUND = Catalogue.read(COURSES).course(COURSE).exercise(EXERCISE)
CELL = FOUND.questions[0].answers[0]
PATH = f"{COURSE}/{EXERCISE}/{EXERCISE}.ipynb"


def solution(kind: str) -> str:
    return read_solution(FOUND.folder / "solutions" / f"{kind}.py").sources[CELL]


class World:
    """A hub whose course can be changed, and what an instructor does there."""

    def __init__(self, hub: HubProcess, course: Path) -> None:
        self.hub = hub
        self.course = course
        browser = hub_browser(hub, "instructor")
        browser.session.get(f"{hub.url}/hub/token", timeout=30)
        made = browser.session.post(
            f"{hub.url}/hub/api/users/instructor/tokens",
            headers=browser._xsrf("/hub/"),
            json={"note": "e2e"},
            timeout=30,
        )
        self._token = made.json()["token"]

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        """Return what the grader answers the instructor."""
        headers = {"Authorization": f"token {self._token}"}
        url = f"{self.hub.url}/services/grader/api/courses/{COURSE}/{path}"
        answer = requests.request(verb, url, headers=headers, json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def submissions(self, learner: str) -> list[dict[str, Any]]:
        """Return a learner's submissions of the exercise, newest first."""
        found = self.ask("GET", f"exercises/{EXERCISE}/submissions")["submissions"]
        return [submission for submission in found if submission["learner"] == learner]

    def change(self, text: str) -> None:
        """Release a new version, with something added to the statement."""
        path = self.course / EXERCISE / "exercise.ipynb"
        notebook = json.loads(path.read_text())
        notebook["cells"][0]["source"] = "".join(notebook["cells"][0]["source"]) + f"\n\n{text}"
        path.write_text(json.dumps(notebook))
        assert self.ask("POST", "release", {})["updated"] == [EXERCISE]


def hub_browser(hub: HubProcess, user: str) -> Browser:
    browser = Browser(hub.url, user)
    assert browser.log_in(PASSWORD).status_code == 200
    return browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state, courses = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("courses")
    shutil.copytree(COURSES / COURSE, courses / COURSE)
    with (courses / COURSE / "course.yaml").open("a") as file:
        file.write(f"\ndue:\n  {EXERCISE}: 2040-01-01T18:00:00+00:00\n")
    credentials = Credentials(state / "credentials.json")
    for user in ("learner", "instructor", "admin", *LEARNERS):
        credentials.set_password(user, PASSWORD)
    members = {
        "admins": ["admin"],
        "learners": {COURSE: ["learner", *LEARNERS]},
        "instructors": {COURSE: ["instructor"]},
    }
    (state / "members.json").write_text(json.dumps(members))
    hub = HubProcess(state, courses=courses)
    try:
        yield World(hub.wait_ready(), courses / COURSE)
    finally:
        assert hub.stop() == [], "processes were left behind"


@pytest.fixture
def platform(world: World) -> HubProcess:
    """Stand in for the other tests' hub, so that `sign_in` signs in here."""
    return world.hub


def opened(page: Page, front_end: str, user: str, hub: HubProcess) -> Locator:
    """Open the exercise in a front end and return its footer."""
    if front_end == "notebook":
        page.goto(f"{hub.url}/user/{user}/tree")
    page.locator(f'.nbcoach-Exercise[data-exercise="{EXERCISE}"]').click()
    return ready(page)


def ready(page: Page) -> Locator:
    footer = page.locator(f'.nbcoach-Footer[data-cell="{CELL}"]')
    expect(footer.locator(".nbcoach-Footer-points")).to_be_visible()
    page.wait_for_timeout(1500)  # a fresh notebook still moves while its kernel starts
    return footer


def command(page: Page, label: str) -> None:
    """Run a command by its name in the palette."""
    page.keyboard.press("Control+Shift+c")
    page.locator(".lm-CommandPalette-input").last.fill(label)
    page.locator(".lm-CommandPalette-item", has_text=label).first.click()


def editor(page: Page) -> Locator:
    footer = page.locator(f'.nbcoach-Footer[data-cell="{CELL}"]')
    return page.locator(".jp-CodeCell", has=footer).locator(".cm-content")


def panel(page: Page, name: str) -> Locator:
    return page.locator(f".nbcoach-{name}")


def submit(page: Page) -> None:
    """Press *Submit* in the toolbar and say that it is meant."""
    page.locator('[data-command="nbcoach:submit"]').first.click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("newest counts")
    dialog.locator(".jp-mod-accept").click()


@pytest.mark.parametrize(("front_end", "user"), [("lab", "ada"), ("notebook", "ben")])
def test_hand_in_read_update_and_begin_anew(
    world: World, sign_in: SignIn, shot: Callable[[Page, str], Any], front_end: str, user: str
) -> None:
    page = sign_in(user)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    footer = opened(page, front_end, user, world.hub)

    # Hand in, with a receipt.
    write_answer(page, CELL, solution("wrong"))
    submit(page)
    receipt = page.locator(".nbcoach-Receipt")
    expect(receipt).to_contain_text("of 2 points" if FOUND.points == 2 else "points")
    (kept,) = world.submissions(user)
    expect(receipt).to_contain_text(kept["hash"])
    expect(receipt).to_contain_text("In time")
    assert serious_findings(page, ".nbcoach-Receipt") == []
    shot(page, f"{front_end}-6-receipt")
    with page.expect_download() as download:
        page.locator(".jp-Dialog button", has_text="Download receipt").click()
    saved = json.loads(Path(download.value.path()).read_text())
    assert (saved["submission"], saved["hash"]) == (kept["submission"], kept["hash"])
    if front_end == "notebook":
        open_panel(page)
    listed = page.locator(f'.nbcoach-Exercise[data-exercise="{EXERCISE}"]')
    expect(listed).to_have_attribute("data-state", "submitted")
    item = panel(page, "Submission").first
    expect(item).to_have_attribute("data-submission", kept["submission"])

    # An instructor's comment comes at once, and is kept until it is read.
    words = "Nearly <b>there</b>"
    world.ask("POST", f"submissions/{kept['submission']}/comments", {"text": words, "cell": CELL})
    expect(page.locator(".Toastify__toast", has_text=words).first).to_be_visible()
    expect(panel(page, "Notification")).to_contain_text(words)
    expect(item.locator(".nbcoach-Comment-text")).to_have_text(words)
    expect(listed).to_have_attribute("data-state", "graded")
    page.wait_for_timeout(1000)  # what is next has been asked for, and is no longer faint
    assert serious_findings(page, ".nbcoach-Panel") == []
    shot(page, f"{front_end}-7-comment")
    page.reload()
    footer = ready(page)
    if front_end == "notebook":
        open_panel(page)
    expect(panel(page, "Notification")).to_contain_text(words)
    panel(page, "Notification-read").click()
    expect(panel(page, "Notification")).to_have_count(0)

    # A new version: the answer comes along.
    world.change(f"A hint for {user}.")
    notice = page.locator(".Toastify__toast", has_text="new version").first
    expect(notice).to_be_visible()
    shot(page, f"{front_end}-8-new-version")
    notice.locator("button", has_text="Update now").click()
    expect(page.locator(".jp-MarkdownCell", has_text=f"A hint for {user}.").first).to_be_visible()
    ready(page)
    expect(editor(page)).to_contain_text(solution("wrong").splitlines()[0])
    check(page, CELL)
    expect(footer).to_have_attribute("data-verdict", "failed")
    expect(footer).not_to_contain_text("newer version")

    # Reset the answer: it stays in the undo history.
    editor(page).click()
    command(page, "Reset This Answer")
    expect(editor(page)).to_contain_text("YOUR CODE HERE")
    editor(page).click()
    page.keyboard.press("Control+z")
    expect(editor(page)).to_contain_text(solution("wrong").splitlines()[0])

    # Reset the exercise: the notebook is kept.
    command(page, "Reset This Exercise")
    page.locator(".jp-Dialog .jp-mod-warn").click()
    expect(page.locator(".Toastify__toast", has_text="before-").first).to_be_visible()
    expect(editor(page)).to_contain_text("YOUR CODE HERE")
    shot(page, f"{front_end}-9-reset")
    assert [error for error in errors if "nbcoach" in error] == []


@pytest.mark.parametrize(("front_end", "user"), [("lab", "cleo"), ("notebook", "dan")])
def test_what_waits_for_the_grader_outlives_a_reload_and_counts_once(
    world: World, sign_in: SignIn, shot: Callable[[Page, str], Any], front_end: str, user: str
) -> None:
    page = sign_in(user)
    footer = opened(page, front_end, user, world.hub)
    write_answer(page, CELL, solution("correct"))
    other = page.context.new_page()
    place = "lab/tree" if front_end == "lab" else "notebooks"
    other.goto(f"{world.hub.url}/user/{user}/{place}/{COURSE}/{EXERCISE}/{EXERCISE}.ipynb")
    ready(other)

    with without_grader(world.hub):
        check(page, CELL)
        expect(footer).to_have_attribute("data-status", "offline")
        submit(page)
        expect(page.locator('[data-command="nbcoach:submit"]').first).to_contain_text("Waiting to submit")
        shot(page, f"{front_end}-10-waiting")
        page.once("dialog", accept)
        page.reload()
        footer = ready(page)
        expect(footer).to_have_attribute("data-status", "offline")
        assert len(kept_in(page)) == 2
        assert kept_in(other) == []
    expect(footer).to_have_attribute("data-verdict", "passed", timeout=120_000)
    expect(page.locator(".nbcoach-Receipt")).to_be_visible()
    assert len(world.submissions(user)) == 1
    assert kept_in(page) == []
    other.close()


def test_a_slow_connection_that_is_cut_counts_once(world: World, sign_in: SignIn) -> None:
    page = sign_in("learner")
    sent: list[dict[str, Any]] = []
    cut: list[bool] = []

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def up(message: str | bytes) -> None:
            sent.append(json.loads(message))
            server.send(message)

        def down(message: str | bytes) -> None:
            time.sleep(0.5)
            if json.loads(message)["type"] == "receipt" and not cut:
                cut.append(True)
                socket.close()  # the answer is lost on its way
                server.close()
            else:
                socket.send(message)

        socket.on_message(up)
        server.on_message(down)

    page.route_web_socket(re.compile("nbcoach/api/live"), relay)
    page.reload()
    opened(page, "lab", "learner", world.hub)
    write_answer(page, CELL, solution("correct"))
    submit(page)
    expect(page.locator(".nbcoach-Receipt")).to_be_visible(timeout=60_000)
    asked = [frame["request"] for frame in sent if frame["type"] == "submit"]
    assert len(asked) == 2
    assert len(set(asked)) == 1
    assert len(world.submissions("learner")) == 1


@pytest.mark.parametrize(("front_end", "user"), [("lab", "ada"), ("notebook", "ben")])
def test_forms_write_their_answers_into_the_cells(
    world: World, sign_in: SignIn, shot: Callable[[Page, str], Any], front_end: str, user: str
) -> None:
    page = sign_in(user)
    if front_end == "notebook":
        page.goto(f"{world.hub.url}/user/{user}/tree")
    page.locator('.nbcoach-Exercise[data-exercise="ferry-ticket"]').click()
    number, choice, order = (page.locator(f'.nbcoach-Question[data-kind="{k}"]') for k in ("number", "choice", "order"))
    expect(number).to_be_visible()
    page.wait_for_timeout(1500)

    number.get_by_role("textbox").fill("x")
    expect(number).to_contain_text("This is no number.")
    number.get_by_role("textbox").fill("17")
    expect(cell_of(page, number)).to_have_text("family_price = 17")
    footer = page.locator('.nbcoach-Footer[data-cell="family-price"]')
    footer.locator(".nbcoach-Footer-check").click()
    expect(footer).to_have_attribute("data-verdict", "passed")

    choice.get_by_role("radio", name="it is free").check()
    expect(cell_of(page, choice)).to_have_text('birthday_price = "it is free"')
    footer = page.locator('.nbcoach-Footer[data-cell="birthday-price"]')
    footer.locator(".nbcoach-Footer-check").click()
    expect(footer).to_have_attribute("data-verdict", "failed")
    assert serious_findings(page, ".nbcoach-Question") == []
    shot(page, f"{front_end}-11-forms")

    # By keys only: what begins with "if" goes up twice, and the button keeps the focus.
    last = order.get_by_role("button", name="Move up: if age < 4: it is free")
    last.focus()
    page.keyboard.press("Enter")
    expect(order.get_by_role("button", name="Move up: if age < 4: it is free")).to_be_focused()
    page.keyboard.press("Enter")
    expect(order.locator("li").first).to_contain_text("if age < 4")
    expect(cell_of(page, order)).to_contain_text('branches = ["if age < 4: it is free"')
    footer = page.locator('.nbcoach-Footer[data-cell="branches"]')
    footer.locator(".nbcoach-Footer-check").click()
    expect(footer).to_have_attribute("data-verdict", "passed")
    page.keyboard.press("Escape")
    shot(page, f"{front_end}-12-order")

    # A pasted copy is no second answer.
    cell_of(page, order).click()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.press("v")
    expect(page.locator(".jp-CodeCell", has_text='branches = ["if')).to_have_count(2)
    page.wait_for_timeout(500)
    expect(page.locator('.nbcoach-Question[data-kind="order"]')).to_have_count(1)
    expect(page.locator('.nbcoach-Footer[data-cell="branches"]')).to_have_count(1)
    if front_end == "lab":
        command(page, "JupyterLab Dark")
        page.wait_for_timeout(1500)
        shot(page, "lab-13-forms-dark")


def kept_in(page: Page) -> list[Any]:
    """Return the requests that a tab keeps."""
    keys = "Object.keys(sessionStorage).filter(key => key.startsWith('nbcoach:pending:'))"
    return list(page.evaluate(f"{keys}.flatMap(key => JSON.parse(sessionStorage.getItem(key)))"))


def cell_of(page: Page, form: Locator) -> Locator:
    """Return the editor of the cell that a form belongs to."""
    return page.locator(".jp-CodeCell", has=form).locator(".cm-content")


def accept(dialog: Dialog) -> None:
    dialog.accept()


def open_panel(page: Page) -> None:
    """Show the panel, which Notebook 7 hides when a dialog has been open."""
    if not panel(page, "Panel").is_visible():
        command(page, "Show the Exercises")


@contextlib.contextmanager
def without_grader(hub: HubProcess) -> Iterator[None]:
    """Kill the grader, and again whenever the hub has started it."""
    done = threading.Event()

    def end_it() -> None:
        while not done.wait(0.2):
            for pid in hub.pids():
                with contextlib.suppress(OSError):
                    if b"nbcoach_grader\0" in command_line(pid):
                        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=end_it)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
