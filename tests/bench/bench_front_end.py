"""Measure the front end in headless Chromium against the real stack. Not a test: it states figures.

    bench_front_end.py size                     what the extension adds to JupyterLab, in KB
    bench_front_end.py start --rounds 10        how long JupyterLab takes to start, with and without it, in ms
    bench_front_end.py check --count 100        from the click on Check to the painted feedback, in ms
    bench_front_end.py memory --count 500       the heap after forced collection, along so many checks, in MB
    bench_front_end.py many                     a course of 200 exercises and a notebook of 150 cells: frames, keys, work

Each prints one JSON object. All but `size` start a platform with a course of their own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import yaml
from playwright.sync_api import CDPSession, Page, Route, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/hub"), str(ROOT / "tests/e2e")]

import chromium  # noqa: E402
from hub_process import HubProcess  # noqa: E402

from nbcoach_hub.credentials import Credentials  # noqa: E402

MODEL = ROOT / "exercises/courses/python-foundations/double-shot"
STATIC = ROOT / "extension/nbcoach_extension/labextension/static"
PASSWORD = "correct-horse-battery"
COURSE, EXERCISES, QUESTIONS = "many", 200, 75
LONG = "long-one"

CHECK = """async ([cell, source]) => {
  const footer = document.querySelector(`.nbcoach-Footer[data-cell="${cell}"]`);
  const button = footer.querySelector('.nbcoach-Footer-check');
  const done = new Promise(resolve => {
    let began = false;
    const look = () => {
      const idle = footer.dataset.status === 'idle';
      began = began || !idle;
      if (began && idle) {
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now()), 0));
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(footer, {attributes: true});
  });
  const start = performance.now();
  button.click();
  return [await done - start, footer.dataset.verdict];
}"""
"""The end is a task after the frame in which the feedback was drawn."""

FRAMES = """async ([selector, seconds]) => {
  const box = document.querySelector(selector);
  const frames = [];
  let long = 0;
  const observer = new PerformanceObserver(list => { for (const e of list.getEntries()) { long += e.duration; } });
  observer.observe({type: 'longtask'});
  const start = performance.now();
  let last = start;
  await new Promise(resolve => {
    const step = now => {
      frames.push(now - last);
      last = now;
      box.scrollTop = (box.scrollHeight - box.clientHeight) * Math.abs(Math.sin((now - start) / 1500));
      if (now - start < seconds * 1000) { requestAnimationFrame(step); } else { resolve(); }
    };
    requestAnimationFrame(step);
  });
  observer.disconnect();
  frames.sort((a, b) => a - b);
  const at = share => Math.round(frames[Math.floor(frames.length * share)] * 10) / 10;
  return {frames: frames.length, p50_ms: at(0.5), p95_ms: at(0.95), worst_ms: at(0.999), long_tasks_ms: Math.round(long)};
}"""


PAINTS = """event => {
  window.paints = [];
  window.longTasks = [];
  new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(entry => entry.duration)))
    .observe({type: 'longtask'});
  window.addEventListener(event, ({timeStamp}) => {
    requestAnimationFrame(() => setTimeout(() => window.paints.push(performance.now() - timeStamp), 0));
  }, true);
}"""
"""From an event to a task after the frame in which its effect was drawn."""

MORE_ATTEMPTS = """from nbcoach_hub import configure
from nbcoach_hub.settings import Settings

c = get_config()
configure.configure_services(c, Settings.from_environment())
for service in c.JupyterHub.services:
    if service["name"] == "grader":
        service["command"] += ["--Grader.attempts_per_hour=100000"]
"""
"""So that no limit of one question's judgements holds up a measurement."""


def write_course(folder: Path) -> None:
    """Write a course of 200 small exercises, and one whose notebook has 150 code cells."""
    names = [f"shot-{number}" for number in range(EXERCISES - 1)]
    for number, name in enumerate(names):
        shutil.copytree(MODEL, folder / name)
        rewrite(folder / name / "exercise.ipynb", f"Double shot {number}", 1)
    shutil.copytree(MODEL, folder / LONG)
    rewrite(folder / LONG / "exercise.ipynb", "A long one", QUESTIONS)
    described = yaml.safe_load((MODEL.parent / "course.yaml").read_text("utf-8"))
    listed = [LONG, *names]
    described["units"] = [
        {"id": f"unit-{n}", "title": f"Unit {n}", "exercises": listed[n * 20 : n * 20 + 20]} for n in range(10)
    ]
    described["title"] = "Many exercises"
    (folder / "course.yaml").write_text(yaml.safe_dump(described), "utf-8")


def rewrite(path: Path, title: str, times: int) -> None:
    """Give a copy of an exercise its own title, and its question so many times over."""
    notebook = nbformat.read(path, 4)
    notebook.metadata["nbcoach"]["title"] = title
    text, *question = notebook.cells
    cells = [text]
    for number in range(times):
        for cell in question:
            copy = nbformat.from_dict(json.loads(json.dumps(cell)))
            copy["id"] = f"{cell['id'][:50]}-{number}"
            if number:
                copy.metadata["nbgrader"]["grade_id"] += f"-{number}"
                copy["source"] = copy["source"].replace("espressos", f"espressos_{number}")
            cells.append(copy)
    notebook.cells = cells
    nbformat.write(notebook, path)


@contextmanager
def platform() -> Iterator[HubProcess]:
    """Start the platform with a course of many exercises and a learner."""
    with tempfile.TemporaryDirectory(prefix="nbcoach-bench-") as home:
        state, courses = Path(home) / "state", Path(home) / "courses"
        (state / "jupyterhub_config.d").mkdir(parents=True)
        (state / "jupyterhub_config.d/attempts.py").write_text(MORE_ATTEMPTS)
        write_course(courses / COURSE)
        Credentials(state / "credentials.json").set_password("ada", PASSWORD)
        (state / "members.json").write_text(json.dumps({"learners": {COURSE: ["ada"]}}))
        hub = HubProcess(state, courses=courses)
        try:
            yield hub.wait_ready()
        finally:
            hub.stop()


@contextmanager
def learner() -> Iterator[tuple[Page, str]]:
    """Sign a learner in, and return the page and the address of the learner's server."""
    with platform() as hub, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(60_000)
        page.goto(f"{hub.url}/hub/login")
        page.fill("#username_input", "ada")
        page.fill("#password_input", PASSWORD)
        page.click("#login_submit")
        page.wait_for_url(re.compile("/user/ada/"), timeout=120_000)
        page.locator(".nbcoach-UpNext-start").wait_for()
        yield page, f"{hub.url}/user/ada"
        browser.close()


def open_exercise(page: Page, name: str) -> str:
    """Open an exercise, and return the grade id of its first answer cell."""
    page.locator(f'.nbcoach-Exercise[data-exercise="{name}"]').click()
    footer = page.locator(".nbcoach-Footer").first
    footer.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for(state="attached")
    page.wait_for_timeout(2000)
    cell = footer.get_attribute("data-cell")
    assert cell
    return cell


def measure_size() -> dict[str, float]:
    """Return what the browser fetches at the start, and what only those fetch who read no English."""
    lazy = ("The code did not finish in time.",)
    found = {"kb": 0.0, "gzip_kb": 0.0, "lazy_kb": 0.0}
    for path in STATIC.glob("*.js"):
        text = path.read_bytes()
        if any(mark.encode() in text for mark in lazy):
            found["lazy_kb"] += len(text) / 1024
        else:
            found["kb"] += len(text) / 1024
            found["gzip_kb"] += len(gzip.compress(text)) / 1024
    return {name: round(value, 1) for name, value in found.items()}


def measure_start(rounds: int) -> dict[str, float]:
    """Load JupyterLab with and without the extension by turns; both from a warm cache."""
    blocked = {"on": False}

    def serve(route: Route) -> None:
        if blocked["on"]:
            route.abort()
        else:
            route.continue_()

    taken: dict[str, list[float]] = {"with": [], "without": []}
    with learner() as (page, url):
        page.route(re.compile("/extensions/@nbcoach/"), serve)
        for number in range(2 * rounds + 2):
            blocked["on"] = number % 2 == 1
            page.goto(f"{url}/lab")
            page.wait_for_selector(".jp-LauncherCard")
            page.wait_for_selector("#jupyterlab-splash", state="detached")
            ready = page.evaluate("performance.now()")
            if number > 1:
                taken["without" if blocked["on"] else "with"].append(ready)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    return {
        "with_ms": round(medians["with"]),
        "without_ms": round(medians["without"]),
        "adds_ms": round(medians["with"] - medians["without"]),
        "rounds": rounds,
    }


def measure_check(count: int) -> dict[str, Any]:
    """Type into the answer and check it, so many times."""
    with learner() as (page, _):
        cell = open_exercise(page, "shot-0")
        for _ in range(5):
            page.evaluate(CHECK, [cell, ""])
        editor = page.locator(".jp-CodeCell", has=page.locator(f'.nbcoach-Footer[data-cell="{cell}"]'))
        taken = []
        for number in range(count):
            editor.locator(".cm-content").click()
            page.keyboard.press("Control+a")
            wrong = "" if number % 2 else " + 1"
            page.keyboard.insert_text(f"def espressos(doubles):\n    return 2 * doubles{wrong}  # {number}")
            page.wait_for_timeout(50)
            milliseconds, verdict = page.evaluate(CHECK, [cell, ""])
            assert verdict == ("passed" if number % 2 else "failed"), (number, verdict)
            taken.append(milliseconds)
    taken.sort()
    return {
        "checks": count,
        "p50_ms": round(statistics.median(taken)),
        "p95_ms": round(taken[int(0.95 * count)]),
        "worst_ms": round(taken[-1]),
    }


def heap(session: CDPSession) -> float:
    """Return the used heap after a forced collection, in MB."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    return round(float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20, 1)


def measure_memory(count: int) -> dict[str, Any]:
    """Check so many times, and read the heap along the way."""
    with learner() as (page, _):
        cell = open_exercise(page, "shot-0")
        session = page.context.new_cdp_session(page)
        page.evaluate(CHECK, [cell, ""])
        heaps = [heap(session)]
        for _ in range(5):
            for _ in range(count // 5):
                page.evaluate(CHECK, [cell, ""])
            heaps.append(heap(session))
    return {"checks": count, "heap_mb": heaps, "grows_mb_after_first_fifth": round(heaps[-1] - heaps[1], 1)}


def measure_many() -> dict[str, Any]:
    """Scroll, search and check with many exercises and many cells."""
    with learner() as (page, _):
        found: dict[str, Any] = {"panel_scroll": page.evaluate(FRAMES, [".nbcoach-Panel-body", 4])}
        cell = open_exercise(page, LONG)
        found["typing"] = measure_typing(page, cell)
        found["panel_opens_ms"] = measure_opening(page)
        found["notebook_scroll"] = page.evaluate(FRAMES, [".jp-WindowedPanel-outer", 6])
        page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
        page.wait_for_timeout(500)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        before = scripting(session)
        taken = [page.evaluate(CHECK, [cell, ""])[0] for _ in range(10)]
        page.wait_for_timeout(500)
        found["scripting_ms_a_check"] = round((scripting(session) - before) * 1000 / 10)
        found["check_p50_ms"] = round(statistics.median(taken))
    return found


def measure_typing(page: Page, cell: str) -> dict[str, float]:
    """Type into an answer, and return how long keys took to show."""
    footer = page.locator(f'.nbcoach-Footer[data-cell="{cell}"]')
    page.evaluate(CHECK, [cell, ""])  # feedback that typing makes old
    page.locator(".jp-CodeCell", has=footer).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.evaluate(PAINTS, "keydown")
    page.keyboard.type("  # a remark that is typed at a good speed, word by word, by a learner", delay=60)
    page.wait_for_timeout(500)
    return painted(page)


def measure_opening(page: Page) -> float:
    """Close and open the panel, and return how long opening took to show, in ms."""
    tab = page.locator('.lm-TabBar-tab[data-id="nbcoach-panel"]')
    page.evaluate(PAINTS, "pointerdown")
    for _ in range(11):
        tab.click()
        page.wait_for_timeout(200)
    return painted(page)["worst_ms"]


def painted(page: Page) -> dict[str, float]:
    """Return what `PAINTS` has noted since it was asked for."""
    taken: list[float] = sorted(page.evaluate("window.paints"))
    return {
        "p50_ms": round(statistics.median(taken)),
        "p95_ms": round(taken[int(0.95 * len(taken))]),
        "worst_ms": round(taken[-1]),
        "long_tasks_ms": round(sum(page.evaluate("window.longTasks"))),
    }


def scripting(session: CDPSession) -> float:
    """Return the seconds that scripts have run so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration"))


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["size", "start", "check", "memory", "many"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=100)
    asked = parser.parse_args()
    measured = {
        "size": measure_size,
        "start": lambda: measure_start(asked.rounds),
        "check": lambda: measure_check(asked.count),
        "memory": lambda: measure_memory(asked.count),
        "many": measure_many,
    }[asked.what]()
    print(json.dumps({asked.what: measured}))


if __name__ == "__main__":
    main()
