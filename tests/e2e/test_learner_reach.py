"""Nothing hidden reaches the learner: everything that a learner's account can read is searched.

Run as the learner, by a terminal command in the learner's own confined server: every file that
can be opened, every environment, every address of the grader that answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from nbcoach_exercises.catalogue import Catalogue, read_master
from nbcoach_exercises.format import Role, role_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
COURSES = ROOT / "exercises/courses"

SEARCH = r"""
import json, os, subprocess, sys
told = json.load(open("told.json"))
tops = [top for top in told["tops"] if os.path.isdir(top)]
tops += ["/etc", "/opt", "/var", "/tmp", "/home", "/root", "/proc", "/dev/shm"]
tops += ["/usr/local/share", "/usr/local/etc", "/usr/share/jupyter"]  # the rest of /usr is the system's own
tops += [os.path.expanduser("~"), sys.prefix, sys.base_prefix, *filter(os.path.isdir, sys.path)]
command = ["grep", "-rlaF", "-D", "skip", "-f", "markers.txt", "--exclude=markers.txt", "--", *dict.fromkeys(tops)]
found = subprocess.run(command, capture_output=True, text=True, errors="replace").stdout.split("\n")
markers = [line for line in open("markers.txt").read().split("\n") if line]
found += [name for name, value in os.environ.items() for marker in markers if marker in value]
seen = 0
for top in dict.fromkeys(tops):
    for folder, names, leaves in os.walk(top, onerror=lambda e: None):
        seen += sum(os.access(os.path.join(folder, leaf), os.R_OK) for leaf in leaves)
        if folder.startswith("/proc"):
            names.clear()
open_state = []
for path in told["tops"]:
    try:
        os.listdir(path)
        open_state.append(path)
    except OSError:
        pass
json.dump({"found": [f for f in found if f], "files": seen, "open": open_state}, open("found.json", "w"))
"""


def secrets_of_course() -> Iterator[str]:
    """Yield lines that stand in hidden tests and reference solutions only."""
    for course in Catalogue.read(COURSES):
        for exercise in course.exercises.values():
            hidden = False
            for cell in read_master(exercise.folder).cells:
                if cell.cell_type != "code" or role_of(cell) is Role.READ_ONLY:
                    continue
                for line in cell.source.splitlines():
                    if "BEGIN HIDDEN" in line or "BEGIN SOLUTION" in line:
                        hidden = True
                    elif "END HIDDEN" in line or "END SOLUTION" in line:
                        hidden = False
                    elif (hidden or line.startswith("### HINT")) and len(line.strip()) > 40:
                        yield line.strip()


def test_learner_finds_nothing_hidden(platform: Any, sign_in: Callable[[str], Page]) -> None:
    markers = sorted(set(secrets_of_course()))
    assert len(markers) > 100
    page = sign_in("cleo")
    base = f"{platform.url}/user/cleo/"
    xsrf = next(c["value"] for c in page.context.cookies() if c["name"] == "_xsrf" and c["path"].startswith("/user/"))
    headers = {"X-XSRFToken": xsrf, "Content-Type": "application/json"}

    def call(verb: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body) if body is not None else None
        answer = page.context.request.fetch(base + path, method=verb, data=data, headers=headers)
        assert answer.ok, (path, answer.status, answer.text()[:300])
        return answer.text()

    course = next(iter(Catalogue.read(COURSES)))
    seen = [call("GET", "nbcoach/api/courses"), call("GET", f"nbcoach/api/courses/{course.id}")]
    for exercise in course.exercises:
        opened = json.loads(call("POST", "nbcoach/api/open", {"course": course.id, "exercise": exercise}))
        seen.append(call("GET", f"api/contents/{opened['path']}"))
    texts = "\n".join(seen).replace('\\"', '"').replace("\\\\", "\\")
    assert [marker for marker in markers if marker in texts] == []

    closed = [str(ROOT / "exercises/courses"), str(ROOT / "grader"), str(ROOT / ".git"), str(platform.state)]
    told = json.dumps({"tops": [*closed, str(ROOT)]})
    for name, text in (("markers.txt", "\n".join(markers)), ("search.py", SEARCH), ("told.json", told)):
        call("PUT", f"api/contents/{name}", {"type": "file", "format": "text", "content": text})
    terminal = json.loads(call("POST", "api/terminals", {}))["name"]
    page.evaluate(
        """([base, name]) => new Promise((resolve, reject) => {
             const socket = new WebSocket(base.replace(/^http/, 'ws') + 'terminals/websocket/' + name);
             socket.onerror = () => reject(new Error('no terminal'));
             socket.onopen = () => {
               socket.send(JSON.stringify(['stdin', 'python3 search.py; echo done > finished.txt\\r']));
               setTimeout(resolve, 1000);
             };
           })""",
        [base, terminal],
    )
    deadline = time.monotonic() + 240
    while not page.context.request.get(base + "api/contents/finished.txt").ok:
        assert time.monotonic() < deadline, "the search did not end"
        time.sleep(1)
    report = json.loads(json.loads(call("GET", "api/contents/found.json"))["content"])
    assert report["found"] == []
    assert [path for path in report["open"] if path in closed] == []
    assert report["files"] > 1000, "the search must have seen the learner's world"
