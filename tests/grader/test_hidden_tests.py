"""Nothing hidden gets out of the grader service: not in answers, not on disk, not in logs, not in the learner's output.

A course is written for each test whose secrets are fresh random words, so that whatever repeats one of them leaks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from grader_peers import ACCESS, World, grader

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.format import grade_id_of
from nbcoach_exercises.model import Exercise
from nbcoach_grader.material import load_material
from nbcoach_hub.service import LEARN, LOG, METRICS

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"name": "ada", "groups": ["nbgrader-secret"], "scopes": [ACCESS, LEARN]},
    "log": {"name": "log", "kind": "service", "scopes": [ACCESS, LOG]},
    "prometheus": {"name": "prometheus", "kind": "service", "scopes": [ACCESS, METRICS]},
}
KINDS = ("solution", "comment", "source", "argument", "expected", "message", "hint1", "hint2", "hint3")
ON_THE_WIRE = frozenset({"argument", "expected"})
"""What the learner's own code gets to hold while a hidden check calls it or compares with what it returned."""

LOOK = '''
import gc, os, sys
def look(*held):
    """Return every text that can be reached from here."""
    found = [repr(held), repr(globals())]
    frame = sys._getframe()
    while frame is not None:
        found += [repr(frame.f_locals), repr(frame.f_globals.keys()), repr(frame.f_code.co_consts)]
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple, set)) and len(thing) < 500:
            found += [part for part in thing if isinstance(part, str)]
            if isinstance(thing, dict):
                found += [part for part in list(thing.values()) if isinstance(part, str)]
    return chr(10).join(found)
def files():
    """Return the text of every file that might be of interest."""
    found = []
    for top in (os.getcwd(), "COURSES", "/proc/self", "/dev/shm"):
        for folder, _, names in os.walk(top):
            for name in names[:40] if folder.count("/") < 9 else ():
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        found.append(file.read(100_000).decode("utf-8", "replace"))
                except Exception as err:
                    found.append(repr(err))
            if top == "/proc/self":
                break
    return chr(10).join(found)
WORDS = __import__("re").compile("marker[a-z0-9]+x")
def told(text):
    """Print what looks like a secret, and keep it for later."""
    for word in sorted(set(WORDS.findall(text))):
        print(word)
        with open("kept.txt", "a") as file:
            file.write(word + chr(10))
'''
AGAIN = """

import os
print("kept:", open("kept.txt").read() if os.path.exists("kept.txt") else "")
"""
SPY = """
class Spy(str):
    def __eq__(self, other):
        told(repr(other) + look(other))
        raise ValueError(repr(other))
    __hash__ = str.__hash__
    def __ne__(self, other):
        return not self == other
"""
WORKS = {
    "right": "def secret(x):\n    return x + SALT",
    "wrong": "def secret(x):\n    return 'no'",
    "raises": "def secret(x):\n    raise ValueError(repr(x))",
    "prints": "def secret(x):\n    print(x, globals())\n    import sys\n    print(x, file=sys.stderr)\n    return x",
    "walks": LOOK + "told(look() + files())\ndef secret(x):\n    told(look(x) + files())\n    return x + SALT",
    "compares": LOOK + SPY + "def secret(x):\n    told(look(x))\n    return Spy(x)",
    "ends": LOOK + "def secret(x):\n    told(look(x))\n    print(x, flush=True)\n    os._exit(1)",
    "exits": "def secret(x):\n    raise SystemExit(x)",
    "looks once": LOOK + "told(look() + files())",
}


class Everything(logging.Handler):
    """Keep every line that is logged, at any level, with its exception."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record) + repr(record.__dict__))


def write_course(root: Path, marker: dict[str, str]) -> None:
    """Write a course of one exercise that is full of secrets."""

    def cell(source: str, name: str, **more: Any) -> Any:
        meta = {"schema_version": 3, "grade_id": name, "solution": False, "grade": False, "locked": True, "task": False}
        return nbformat.v4.new_code_cell(source, id=name, metadata={"nbgrader": meta | more})

    answer = (
        f"def secret(x):\n    ### BEGIN SOLUTION\n    return x + SALT  # {marker['solution']}\n    ### END SOLUTION\n"
    )
    tests = f"""### CHECK: adds salt (1 point)
### HINT: {marker["hint1"]}
### HINT: {marker["hint2"]}
assert secret("a") == "a-salt"
### BEGIN HIDDEN TESTS
### CHECK: adds salt to more (2 points)
### HINT: {marker["hint3"]}
# {marker["comment"]}
{marker["source"]} = "{marker["argument"]}"
assert secret({marker["source"]}) == "{marker["argument"]}-salt", "{marker["message"]}"
assert secret("b") != "{marker["expected"]}", "{marker["message"]}"
### END HIDDEN TESTS
"""
    described = {"title": "Salt", "summary": "Add salt.", "skills": ["salt"], "difficulty": 1, "minutes": 5}
    notebook = nbformat.v4.new_notebook(
        metadata={"nbcoach": described, "kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[
            cell('SALT = "-salt"', "salt"),
            cell(answer, "secret", solution=True, locked=False),
            cell(tests, "secret-tests", grade=True, points=3),
        ],
    )
    folder = root / "secret" / "salting"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "exercise.ipynb")
    course = {
        "title": "Secrets",
        "skills": [{"id": "salt", "title": "Salt"}],
        "units": [{"id": "one", "title": "One", "exercises": ["salting"]}],
    }
    (folder.parent / "course.yaml").write_text(json.dumps(course), "utf-8")


def check(exercise: Exercise, request: str, work: str) -> dict[str, Any]:
    cells = [
        {"id": str(number), "grade_id": name, "source": work if name == "secret" else cell.source}
        for number, cell in enumerate(load_material(exercise).released.cells)
        if (name := grade_id_of(cell))
    ]
    frame = {"type": "check", "request": request, "course": "secret", "exercise": "salting", "cell": "secret"}
    return frame | {"version": exercise.version, "cells": cells}


def on_disk(before: set[Path]) -> str:
    """Return the text of every file below the folders of engines that were not there before."""
    found = []
    for folder in set(Path(tempfile.gettempdir()).glob("nbcoach-grader-*")) - before:
        for path in folder.rglob("*"):
            found.append(str(path))
            if path.is_file() and not path.is_symlink():
                found.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


def leaks(text: str, marker: dict[str, str], but: frozenset[str] = frozenset()) -> set[str]:
    """Name the secrets that a text repeats, also in pieces that are long enough to be no accident."""
    return {kind for kind, word in marker.items() if kind not in but and word[6:18] in text}


@pytest.mark.parametrize("kind", WORKS)
def test_no_secret_gets_out(
    run: Callable[..., Any],
    kind: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-service")
    monkeypatch.delenv("JUPYTERHUB_SERVICE_NAME", raising=False)
    marker = {name: f"marker{secrets.token_hex(10)}x" for name in KINDS}
    courses = tmp_path / "courses"
    write_course(courses, marker)
    exercise = Catalogue.read(courses).course("secret").exercise("salting")
    work = WORKS[kind].replace("COURSES", str(courses))
    before = set(Path(tempfile.gettempdir()).glob("nbcoach-grader-*"))
    outputs: list[str] = []
    disk: list[str] = []

    async def told(world: World) -> None:
        live = await world.live("ada")
        for turn, extra in enumerate(("", AGAIN)):
            found = await live.answer(check(exercise, f"turn-{turn}", work + extra))
            assert found["type"] == "feedback"
            assert found["verdict"] == "passed" if kind in ("right", "walks") else found["verdict"] != "passed"
            hidden = [c for c in found["checks"] if c["hidden"]]
            assert len(hidden) == 1
            assert hidden[0]["message"] is None
            assert turn == 0 or found["error"] or "kept:" in found["output"]
            outputs.append(found["output"])
            disk.append(on_disk(before))
        await live.answer(check(exercise, "odd", "def secret(:"))
        await live.answer(check(exercise, "right", WORKS["right"] + AGAIN))
        await live.close()
        for path in (
            "api/courses",
            "api/courses/secret",
            "api/courses/secret/exercises/salting/notebook",
            "api/courses/secret/exercises/salting/exercise.ipynb",
            "health",
            "api/openapi.json",
        ):
            await world.ask(path, "ada")
        await world.ask("api/log?limit=5000", "log")
        await world.ask("metrics", "prometheus")
        assert leaks("\n".join(world.heard), marker) == set()
        assert leaks("\n".join(outputs), marker) == set()
        assert leaks("\n".join(disk), marker, ON_THE_WIRE) == set()

    async def story() -> None:
        async with asyncio.timeout(60), grader(courses, tmp_path, PEOPLE) as world:
            await told(world)

    everything, root = Everything(), logging.getLogger()
    root.addHandler(everything)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        run(story())
    finally:
        root.setLevel(level)
        root.removeHandler(everything)
    assert any("request" in line for line in everything.lines)
    assert leaks("\n".join(everything.lines), marker) == set()
    assert leaks("".join(capfd.readouterr()), marker) == set()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("store.sqlite*")).decode("utf-8", "replace")
    assert leaks(kept, marker) == set()
    assert re.search("salting", kept)


def test_hints_come_one_by_one_and_only_when_asked_for(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-service")
    monkeypatch.delenv("JUPYTERHUB_SERVICE_NAME", raising=False)
    marker = {name: f"marker{secrets.token_hex(10)}x" for name in KINDS}
    courses = tmp_path / "courses"
    write_course(courses, marker)
    exercise = Catalogue.read(courses).course("secret").exercise("salting")
    visible, hidden = load_material(exercise).tests["secret-tests"].checks
    frame = {"type": "hint", "course": "secret", "exercise": "salting", "cell": "secret"}

    async def told(world: World) -> None:
        live = await world.live("ada")
        wanted: set[str] = set()
        for asked, level, name in ((visible, 1, "hint1"), (visible, 2, "hint2"), (hidden, 1, "hint3")):
            assert leaks("\n".join(world.heard), marker) == wanted
            found = await live.answer(frame | {"request": name, "check": asked.id, "level": level})
            assert found["text"] == marker[name]
            wanted.add(name)
        await live.answer(frame | {"request": "beyond", "check": hidden.id, "level": 2})
        await live.answer(check(exercise, "wrong", WORKS["wrong"]))
        await live.close()
        await world.ask("api/log?limit=5000", "log")
        assert leaks("\n".join(world.heard), marker) == wanted

    async def story() -> None:
        async with asyncio.timeout(60), grader(courses, tmp_path, PEOPLE) as world:
            await told(world)

    run(story())
