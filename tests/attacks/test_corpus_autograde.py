"""The corpus's submissions in one nbgrader course, graded by `nbcoach autograde`: the grades that count.

Every case but the slow ones of kind D is a learner of the course; between them stand honest ones. What learners get
are the pages below `feedback/`, so secrets and scripts are looked for there and in what the command says.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attack_corpus
import nbformat
import pytest
from attack_campaign import Secrets, Sink, master
from attack_corpus import CodeCase, code_cases, json_cases, needed
from attack_notebooks import apply
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions, LockCells

pytestmark = [needed, pytest.mark.timeout(300)]
CODE = {case.id: case for case in code_cases() if not case.id.startswith("D")}
NOTEBOOKS = json_cases("N")
ARCHIVES = {"N31": "no intake of ours unpacks an archive: a name that leaves the folder cannot be made in one"}
KNOWN = {"J05": "`==` of the author's test takes True and 1.0 for 1, as Python and nbgrader do"}
REFUSED = {"N34", "N35", "N38", "N40", "N43", "N44"}
HONEST = 12


@dataclass
class Graded:
    """What a run of the command came to."""

    folder: Path
    secrets: Secrets
    sink: Sink
    lines: dict[str, dict[str, Any]]
    said: str
    seconds: float
    before: dict[Path, bytes]


def files(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size < 10**7
    }


def submit(folder: Path, student: str, notebook: bytes) -> Path:
    place = folder / "submitted" / student / "ps1"
    place.mkdir(parents=True)
    (place / "squares.ipynb").write_bytes(notebook)
    return place


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    folder = tmp_path_factory.mktemp("course")
    secrets, sink = Secrets.draw(), Sink()
    exercise = attack_corpus.exercise()
    with sink.listening() as address:

        def fill(text: str) -> str:
            s = secrets
            values = {
                "MARKC": s.comment,
                "MARKM": s.message,
                "SECRETN": s.argument,
                "VICTIM": s.victim,
                "TOKEN": s.token,
            }
            for key, value in {**values, "SINK": address, "TMP": folder / "beside"}.items():
                text = text.replace(f"@@{key}@@", str(value))
            return text

        (folder / "beside").mkdir()
        tests = [(name, points, hidden, fill(code)) for name, points, hidden, code in exercise["TESTS"]]
        source = folder / "source" / "ps1"
        source.mkdir(parents=True)
        author = master(exercise["SOLUTION"], tests)
        (source / "squares.ipynb").write_text(json.dumps(author))
        (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "campaign"\n')
        released = nbformat.from_dict(json.loads(json.dumps(author)))
        resources: dict[str, Any] = {}
        for preprocessor in (LockCells, ClearSolutions, ClearHiddenTests):
            released, resources = preprocessor().preprocess(released, resources)
        learners = json.loads(json.dumps(released))

        def answer(text: str) -> bytes:
            return apply(learners, [{"op": "source", "grade_id": "squares", "value": fill(text)}])

        for name, case in CODE.items():
            submit(folder, name, answer(case.stages[-1] if name.startswith("C") else case.stages[0]))
            for number, stage in enumerate(case.stages[1:], 2):
                submit(folder, f"{name}x{number}", answer(stage))
        for name, case in NOTEBOOKS.items():
            if name in ARCHIVES:
                continue
            place = submit(folder, name, apply(learners, json.loads(fill(json.dumps(case["ops"])))))
            for operation in case["ops"]:
                if operation["op"] == "file":
                    (place / operation["name"]).parent.mkdir(parents=True, exist_ok=True)
                    (place / operation["name"]).write_text(operation.get("data", "cposix\nsystem\n(S'id'\ntR."))
                elif operation["op"] == "bigfile":
                    os.truncate(os.open(place / operation["name"], os.O_CREAT | os.O_RDWR), operation["bytes"])
        linked = submit(folder, "linked", answer("def squares(n): return None"))
        (linked / "link.txt").symlink_to(source / "squares.ipynb")
        for number in range(HONEST):  # their names put them between the others
            submit(
                folder, f"{'CFJLNPVX'[number % 8]}50-victim-{number}", answer(f"# @@VICTIM@@\n{exercise['SOLUTION']}")
            )
        before = files(folder / "submitted") | files(folder / "source")
        start = time.monotonic()
        command = [sys.executable, "-m", "nbcoach_hub.cli", "autograde", str(folder), "--json", "--jobs", "2"]
        environment = {**os.environ, "JUPYTERHUB_API_TOKEN": secrets.token, "HOME": str(folder / "beside")}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
        assert ran.returncode == 2, ran.stderr[-3000:]  # some were no notebooks; the rest was graded
        lines = {line["student"]: line for line in map(json.loads, ran.stdout.splitlines())}
        assert len(lines) > 100, ran.stderr[-3000:]
        yield Graded(folder, secrets, sink, lines, ran.stdout + ran.stderr, time.monotonic() - start, before)


def test_everybody_else_is_graded(graded: Graded) -> None:
    handed_in = {path.name for path in (graded.folder / "submitted").iterdir()}
    assert handed_in - graded.lines.keys() <= REFUSED
    victims = [line for name, line in graded.lines.items() if "victim" in name]
    assert [line["score"] for line in victims] == [8] * HONEST
    for name in REFUSED & graded.lines.keys():
        assert graded.lines[name]["score"] == 0
    for name in sorted(REFUSED):
        assert re.search(rf"submitted/{name}/ps1/squares\.ipynb", graded.said), name


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, id=n, marks=pytest.mark.xfail(reason=KNOWN[n], strict=True) if n in KNOWN else ())
        for n, c in CODE.items()
    ],
)
def test_points_are_no_more_than_the_work_is_worth(graded: Graded, case: CodeCase) -> None:
    names = [case.id, *(f"{case.id}x{number}" for number in range(2, len(case.stages) + 1))]
    for name in names:
        line = graded.lines[name]
        assert line["max_score"] == 8
        assert line["score"] == case.honest if name.startswith("C") else line["score"] <= case.honest
        assert [cell["id"] for cell in line["cells"] if cell["max_score"]] == [f"t{number}" for number in range(7)]
        assert not any(cell["verdict"] == "grader-failed" for cell in line["cells"])


@pytest.mark.parametrize("name", sorted(NOTEBOOKS.keys() - REFUSED - ARCHIVES.keys()))
def test_changed_notebooks_and_files_beside_them_gain_nothing(graded: Graded, name: str) -> None:
    assert graded.lines[name]["score"] <= NOTEBOOKS[name]["honest"]
    assert graded.lines[name]["max_score"] == 8


def test_submissions_and_sources_are_as_they_were(graded: Graded) -> None:
    assert files(graded.folder / "submitted") | files(graded.folder / "source") == graded.before


def test_nothing_is_told_that_is_secret(graded: Graded) -> None:
    learners = {path: text.decode("utf-8", "replace") for path, text in files(graded.folder / "feedback").items()}
    assert len(learners) > 100
    assert {str(path): found for path, text in learners.items() if (found := leaks(graded, path, text))} == {}
    assert graded.secrets.found_in(graded.said + "".join(graded.sink.heard)) == []
    outside = {"source", "submitted", "autograded", "feedback", "release", "gradebook.db", "nbgrader_config.py"}
    strangers = [path for path in files(graded.folder) if path.relative_to(graded.folder).parts[0] not in outside]
    assert [path for path in strangers if "ESCAPE" in path.name or "seen" in path.name] == []
    assert not any("PERSIST>>ok" in text for text in learners.values())


def leaks(graded: Graded, page: Path, text: str) -> list[str]:
    """Return which secrets a page tells; a learner's own work is no secret to him."""
    found = graded.secrets.found_in(re.sub(r"(?s)<style.*?</style>", "", text))
    return [name for name in found if not (name == "victim" and "victim" in str(page.parent))]


class Live(HTMLParser):
    """Collects what in a page would run a learner's words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in ("script", "style") else self._inside
        for name, value in attrs:
            if "XSSCANARY" in (value or "") and (name.startswith("on") or name in ("href", "src", "srcdoc", "style")):
                self.found.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside and "XSSCANARY" in data:
            self.found.append(f"{self._inside}: {data[:80]}")


def test_no_page_runs_what_a_learner_wrote(graded: Graded) -> None:
    found = {}
    pages = list((graded.folder / "feedback").rglob("*.html"))
    for page in pages:
        live = Live()
        live.feed(page.read_text("utf-8"))
        if live.found:
            found[page.parts[-3]] = live.found
    assert found == {}
    assert any("XSSCANARY" in page.read_text("utf-8") for page in pages)  # it is shown, as text
