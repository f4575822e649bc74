"""Placing exercises: fresh, again, and over an older version, without losing what the learner wrote."""

from __future__ import annotations

import asyncio
import base64
import json

import nbformat
import pytest
from coach_services import notebook, with_answer

from nbcoach_exercises.errors import Conflict, UpstreamFailed
from nbcoach_extension.workspace import Workspace, carry_answers, file_name, remembering

PATH = "first-steps/factorial/factorial.ipynb"


@pytest.fixture
def workspace(jp_serverapp):
    return Workspace(jp_serverapp.contents_manager)


def release(version="v1", **changes):
    data = [{"path": "data/n.csv", "content": base64.b64encode(version.encode()).decode()}]
    return {"notebook": notebook(version), "version": version, "files": data} | changes


def place(workspace, released):
    return workspace.place("first-steps", "factorial", released)


def answer_in(path, grade_id="fact"):
    book = nbformat.read(path, as_version=4)
    return next(c.source for c in book.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


async def test_places_notebook_and_data(workspace, jp_root_dir):
    opened = await place(workspace, release())
    assert opened == {"path": PATH, "version": "v1", "created": True, "updated": False, "kept": None}
    nbformat.validate(nbformat.read(jp_root_dir / PATH, as_version=4))
    assert (jp_root_dir / "first-steps/factorial/data/n.csv").read_text() == "v1"


async def test_leaves_the_same_version_alone(workspace, jp_root_dir):
    await place(workspace, release())
    file = jp_root_dir / PATH
    file.write_text(json.dumps(with_answer(json.loads(file.read_text()), "fact", "mine")))
    (jp_root_dir / "first-steps/factorial/data/n.csv").write_text("changed by the learner")
    before = file.read_bytes()
    opened = await place(workspace, release())
    assert (opened["created"], opened["updated"], opened["kept"]) == (False, False, None)
    assert file.read_bytes() == before
    assert (jp_root_dir / "first-steps/factorial/data/n.csv").read_text() == "changed by the learner"


async def test_brings_back_a_data_file_that_is_gone(workspace, jp_root_dir):
    await place(workspace, release())
    (jp_root_dir / "first-steps/factorial/data/n.csv").unlink()
    await place(workspace, release())
    assert (jp_root_dir / "first-steps/factorial/data/n.csv").read_text() == "v1"


async def test_carries_answers_into_a_new_version(workspace, jp_root_dir):
    await place(workspace, release())
    file = jp_root_dir / PATH
    file.write_text(json.dumps(with_answer(json.loads(file.read_text()), "fact", "mine")))
    opened = await place(workspace, release("v2"))
    kept = "first-steps/factorial/factorial-before-v1.ipynb"
    assert opened == {"path": PATH, "version": "v2", "created": False, "updated": True, "kept": kept}
    assert answer_in(file) == "mine"
    assert answer_in(file, "total") == "# YOUR CODE HERE"
    assert answer_in(jp_root_dir / kept) == "mine"
    assert nbformat.read(file, as_version=4).metadata.nbcoach.version == "v2"
    assert (jp_root_dir / "first-steps/factorial/data/n.csv").read_text() == "v2"


async def test_never_overwrites_a_kept_notebook(workspace, jp_root_dir):
    for version in ("v1", "v2", "v1", "v2"):
        opened = await place(workspace, release(version))
    assert opened["kept"] == "first-steps/factorial/factorial-before-v1-2.ipynb"
    assert (jp_root_dir / "first-steps/factorial/factorial-before-v1.ipynb").exists()


async def test_a_version_that_the_learner_wrote_never_becomes_a_path(workspace, jp_root_dir):
    await place(workspace, release())
    file = jp_root_dir / PATH
    book = json.loads(file.read_text())
    book["metadata"]["nbcoach"]["version"] = "../../../escape"
    file.write_text(json.dumps(book))
    opened = await place(workspace, release())
    assert opened["kept"] == "first-steps/factorial/factorial-before-unknown.ipynb"


async def test_two_at_once_make_one_notebook(workspace):
    opened = await asyncio.gather(*(place(workspace, release()) for _ in range(5)))
    assert [item["created"] for item in opened].count(True) == 1
    assert not any(item["updated"] for item in opened)


async def test_a_file_in_the_way_is_a_conflict(workspace, jp_root_dir):
    (jp_root_dir / "first-steps").write_text("a file, not a folder")
    with pytest.raises(Conflict):
        await place(workspace, release())


@pytest.mark.parametrize(
    "name",
    [
        "../x", "a/../b", "/etc/passwd", "a//b", "", ".", ".hidden", "a/.hidden", "a\\b", "a\nb", "C:x", "~x", None, 3,
    ],
)  # fmt: skip
async def test_refuses_file_names_that_climb_or_hide(workspace, jp_root_dir, name):
    with pytest.raises(UpstreamFailed):
        await place(workspace, release(files=[{"path": name, "content": ""}]))
    assert list(jp_root_dir.iterdir()) == []


@pytest.mark.parametrize(
    "released",
    [
        {},
        release(version="../x"),
        release(notebook=[]),
        release(files=[{"path": "factorial.ipynb", "content": ""}]),
        release(files=[{"path": "n.csv", "content": "not base64!"}]),
        release(files=["n.csv"]),
    ],
)
async def test_refuses_a_release_that_cannot_be_placed(workspace, jp_root_dir, released):
    with pytest.raises(UpstreamFailed):
        await place(workspace, released)
    assert list(jp_root_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["data.csv", "data/my file.csv", "a/b/c-1_2.txt"])
def test_accepts_plain_file_names(name):
    assert file_name(name) == name


def test_a_copied_cell_does_not_win_over_the_first():
    old = with_answer(notebook(), "fact", "first")
    copied = with_answer(notebook(), "fact", "second")["cells"][1]
    old["cells"].append(copied)
    assert carry_answers(old, notebook("v2"))["cells"][1]["source"] == "first"


def test_only_answer_cells_are_carried():
    old = with_answer(notebook(), "test-fact", "assert True")
    assert "assert True" not in json.dumps(carry_answers(old, notebook("v2")))


async def test_reset_brings_the_starter_and_keeps_the_notebook(workspace, jp_root_dir):
    await place(workspace, release())
    file = jp_root_dir / PATH
    file.write_text(json.dumps(with_answer(json.loads(file.read_text()), "fact", "mine")))
    (jp_root_dir / "first-steps/factorial/data/n.csv").write_text("changed by the learner")
    kept = []
    for _ in range(2):
        reset = await workspace.reset("first-steps", "factorial", release())
        assert (reset["path"], reset["created"], reset["updated"]) == (PATH, False, True)
        kept.append(reset["kept"])
    assert answer_in(file) != "mine"
    assert answer_in(jp_root_dir / kept[0]) == "mine"
    assert len(set(kept)) == 2
    assert (jp_root_dir / "first-steps/factorial/data/n.csv").read_text() == "v1"
    opened = await place(workspace, release())
    assert (opened["created"], opened["updated"]) == (False, False)


def test_an_untouched_starter_gives_way_to_the_new_one():
    old = remembering(notebook("v1"))
    new = with_answer(notebook("v2"), "total", "# A better starter")
    carried = carry_answers(with_answer(old, "fact", "mine"), remembering(new))
    sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in carried["cells"]}
    assert (sources["fact"], sources["total"]) == ("mine", "# A better starter")


def test_added_cells_follow_the_cell_that_they_followed():
    def text(cell_id):
        return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": cell_id}

    old = remembering(notebook("v1"))
    gone = text("taken-out-by-the-author")
    old["cells"].insert(1, gone)
    old["metadata"]["nbcoach"]["cells"].append(gone["id"])
    old["cells"].insert(0, text("mine-first"))
    old["cells"].insert(4, text("mine-second"))
    old["cells"].insert(5, text("mine-third"))
    carried = [cell["id"] for cell in carry_answers(old, remembering(notebook("v2")))["cells"]]
    assert carried[:5] == ["mine-first", "intro", "id-fact", "mine-second", "mine-third"]
    assert gone["id"] not in carried
    assert len(carried) == len(notebook()["cells"]) + 3
