"""Files of a notebook: a test finds those that were there when its cell was reached, not what later cells made of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grader_plans import cell_of, plan, verdicts

from nbcoach_exercises.model import DataFile
from nbcoach_grader.engine import folder
from nbcoach_grader.engine.folder import Folder
from nbcoach_grader.engine.plan import Plan, Stop

Change = Callable[[Path], object]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").write_text("a,b\n")
    (tmp_path / "note.txt").write_text("one")
    return tmp_path


def known(place: Path) -> Folder:
    found = Folder()
    found.place = place
    found.keep()
    return found


def contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def replaced_by_a_link(place: Path) -> None:
    (place / "note.txt").unlink()
    (place / "note.txt").symlink_to("data/table.csv")


def removed_with_its_folder(place: Path) -> None:
    (place / "data" / "table.csv").unlink()
    (place / "data").rmdir()


CHANGES: dict[str, Change] = {
    "written anew": lambda place: (place / "note.txt").write_text("another"),
    "written in the same moment": lambda place: (place / "note.txt").write_text("two"),
    "removed": lambda place: (place / "note.txt").unlink(),
    "removed with its folder": removed_with_its_folder,
    "renamed": lambda place: (place / "note.txt").rename(place / "new.txt"),
    "replaced by a link": replaced_by_a_link,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_was_changed_comes_back(place: Path, change: Change) -> None:
    before, here = contents(place), known(place)
    change(place)
    here.bring_back()
    assert before.items() <= contents(place).items()
    assert not (place / "note.txt").is_symlink()
    here.keep()
    assert here.overwrites == 0


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_change_is_counted_once(place: Path, change: Change) -> None:
    here = known(place)
    change(place)
    for _ in range(2):
        here.keep()
        assert here.overwrites == 1


def test_what_is_added_stays_and_is_no_change(place: Path) -> None:
    here = known(place)
    (place / "new.txt").write_text("new")
    here.bring_back()
    here.keep()
    assert (here.overwrites, (place / "new.txt").read_text()) == (0, "new")


def test_what_is_too_large_is_watched_but_not_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MAX_FILE_BYTES", 2)
    here = known(place)
    (place / "note.txt").unlink()
    here.bring_back()
    assert not (place / "note.txt").exists()
    here.keep()
    assert here.overwrites == 1


def test_what_cannot_be_written_is_left(place: Path) -> None:
    here = known(place)
    (place / "note.txt").unlink()
    (place / "note.txt").mkdir()
    here.bring_back()
    assert (place / "note.txt").is_dir()


def test_a_copy_elsewhere_is_the_same_folder(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    here, other = known(place), tmp_path_factory.mktemp("other")
    for name in ("note.txt", "data/table.csv"):
        (other / name).parent.mkdir(exist_ok=True)
        (other / name).write_bytes((place / name).read_bytes())
        os.utime(other / name, ns=(0, 0))
    here.place = other
    here.keep()
    assert here.overwrites == 0


WRITES = "with open('table.txt', 'w') as file:\n    file.write('7')"
READS = "def f():\n    with open('table.txt') as file:\n        return int(file.read())"
TEST = "assert f() == 7\n### BEGIN HIDDEN TESTS\nassert f() + 1 == 8\n### END HIDDEN TESTS"
LATER = {
    "removes it": "import os\nos.remove('table.txt')",
    "changes it": "with open('table.txt', 'w') as file:\n    file.write('8')",
    "adds another": "with open('other.txt', 'w') as file:\n    file.write('8')",
    "does nothing": "x = 1",
}


def notebook(first: str, later: str, **options: Any) -> Plan:
    """Return a plan with a test after the second cell and one after the last."""
    whole = plan(first, READS, later, "y = 2", tests=cell_of("assert y == 2", "u"), **options)
    return replace(whole, stops=(Stop(after=2, locked=(), tests=(cell_of(TEST, "t"),)), *whole.stops))


@pytest.mark.parametrize("once", [True, False], ids=["at once", "warm"])
@pytest.mark.parametrize("later", LATER.values(), ids=list(LATER))
def test_a_later_cell_does_not_change_what_a_test_finds(engine: Any, run: Any, later: str, once: bool) -> None:
    asked = replace(notebook(WRITES, later, learner=f"files {once}"), once=once)
    for _ in range(2):
        assert verdicts(run(engine.run(asked))) == ["passed"] * 3
    first = replace(asked, stops=asked.stops[:1], cells=asked.cells[:2])
    assert verdicts(run(engine.run(first))) == ["passed"] * 2
    edited = replace(asked, cells=(*asked.cells[:1], replace(asked.cells[1], source=READS + "  # 1"), *asked.cells[2:]))
    assert verdicts(run(engine.run(edited))) == ["passed"] * 3


@pytest.mark.parametrize("once", [True, False], ids=["at once", "warm"])
def test_so_it_is_with_the_author_s_files(engine: Any, run: Any, once: bool) -> None:
    files = (DataFile("table.txt", b"7"),)
    asked = replace(notebook("x = 1", LATER["removes it"], files=files, learner=f"own {once}"), once=once)
    for _ in range(2):
        assert verdicts(run(engine.run(asked))) == ["passed"] * 3
