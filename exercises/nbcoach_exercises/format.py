"""The notebook format: nbgrader's cell metadata, read strictly, and our named checks inside test cells.

nbgrader's metadata (schema 3) says what a cell is; our own keys live beside it in
`metadata.nbcoach`, as nbgrader's validators strip keys they do not know. Named checks
are plain comments, so a notebook stays valid for nbgrader:

    ### CHECK: rejects n < 1 (1 point)
    ### HINT: What should happen for 0?
    ### HINT: Raise ValueError before the loop.
    assert ...

In languages with other comments the three signs are `///`, `;;;`, `%%%` or `---`.

A check is hidden when its header stands inside a hidden region, or when any of its
code does. Lines before the first check are the preamble. A test cell without named
checks has one check for its visible part and one for its hidden part.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any

import nbformat
from nbformat import NotebookNode

from .errors import InvalidNotebook, TooLarge
from .identifiers import grade_id
from .model import Check, Question, TestCell

MAX_NOTEBOOK_BYTES = 8 * 1024 * 1024
MAX_CELLS = 2000
HIDDEN_BEGIN = "BEGIN HIDDEN TESTS"
HIDDEN_END = "END HIDDEN TESTS"
MARK = r"(?:###|///|;;;|%%%|---)"
"""What begins a line of ours in a cell: a comment in most languages."""
_CHECK = re.compile(
    rf"^\s*{MARK}\s*CHECK:\s*(?P<name>.+?)\s*(?:\((?P<points>\d+(?:\.\d+)?)\s*(?:points?|pts?)\))?\s*$", re.IGNORECASE
)
_HINT = re.compile(rf"^\s*{MARK}\s*HINT:\s*(?P<text>.+?)\s*$", re.IGNORECASE)


class Role(Enum):
    """What a cell is for, in nbgrader's terms."""

    ANSWER = "autograded answer"
    TESTS = "autograder tests"
    MANUAL_ANSWER = "manually graded answer"
    MANUAL_TASK = "manually graded task"
    READ_ONLY = "read-only"
    FREE = "free"


def read_notebook(data: bytes | str, where: str) -> NotebookNode:
    """Read a notebook of format 4 from bytes that may come from anybody.

    Args:
        data: the file's content.
        where: how messages name the file.

    Raises:
        TooLarge: more than 8 MiB or 2000 cells.
        InvalidNotebook: no JSON, no notebook, or another major version.

    """
    if len(data) > MAX_NOTEBOOK_BYTES:
        raise TooLarge(f"{where} is larger than {MAX_NOTEBOOK_BYTES // 2**20} MiB.", limit=MAX_NOTEBOOK_BYTES)
    if not data:
        raise InvalidNotebook(f"{where} is no JSON: it is empty.")
    try:
        raw = json.loads(data)
    except RecursionError as err:
        raise InvalidNotebook(f"{where} is no notebook: its JSON is nested too deeply.") from err
    except ValueError as err:
        raise InvalidNotebook(f"{where} is no JSON: {str(err)[:200]}") from err
    if isinstance(raw, dict) and raw.get("nbformat", 4) != 4:
        raise InvalidNotebook(
            f"{where} has notebook format {ascii(raw['nbformat'])[:20]}; format 4 is needed. "
            "Open and save it in JupyterLab."
        )
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise InvalidNotebook(f"{where} is no notebook: it has no list of cells.")
    if "nbformat" not in raw:
        raise InvalidNotebook(f"{where} is no notebook: it does not name its format.")
    if len(raw["cells"]) > MAX_CELLS:
        raise TooLarge(f"{where} has more than {MAX_CELLS} cells.", limit=MAX_CELLS)
    try:
        notebook: NotebookNode = nbformat.from_dict(raw)  # type: ignore[no-untyped-call]
        for number, cell in enumerate(notebook.cells):
            if not _is_cell(cell):
                raise InvalidNotebook(
                    f"{where}, cell {number + 1}: a cell needs type, source and metadata.", cell=number
                )
            if isinstance(cell.source, list):
                cell.source = "".join(cell.source)
    except RecursionError as err:
        raise InvalidNotebook(f"{where} is no valid notebook: it is nested too deeply.") from err
    if not isinstance(notebook.get("metadata"), dict):
        raise InvalidNotebook(f"{where} is no valid notebook: it has no metadata.")
    return notebook


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict):
        return False
    source, kind, metadata = cell.get("source"), cell.get("cell_type"), cell.get("metadata")
    lines = source if isinstance(source, list) else [source]
    return isinstance(kind, str) and isinstance(metadata, dict) and all(isinstance(line, str) for line in lines)


def role_of(cell: NotebookNode) -> Role:
    """Return what a cell is for."""
    meta = cell.metadata.get("nbgrader")
    if not isinstance(meta, dict):
        return Role.FREE
    if meta.get("task"):
        return Role.MANUAL_TASK
    if meta.get("solution"):
        return Role.MANUAL_ANSWER if meta.get("grade") else Role.ANSWER
    if meta.get("grade"):
        return Role.TESTS
    return Role.READ_ONLY if meta.get("locked") else Role.FREE


def grade_id_of(cell: NotebookNode) -> str | None:
    """Return nbgrader's id of a cell, or None where it has none."""
    meta = cell.metadata.get("nbgrader")
    value = meta.get("grade_id") if isinstance(meta, dict) else None
    return value if isinstance(value, str) and value else None


def points_of(cell: NotebookNode) -> float:
    """Return the points that nbgrader's metadata gives a cell."""
    meta = cell.metadata.get("nbgrader")
    value = meta.get("points", 0) if isinstance(meta, dict) else 0
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def own_metadata(node: NotebookNode) -> dict[str, Any]:
    """Return the `nbcoach` metadata of a notebook or cell, empty where it has none."""
    value = node.metadata.get("nbcoach")
    return dict(value) if isinstance(value, dict) else {}


def parse_test_cell(cell: NotebookNode) -> TestCell:
    """Take an autograder test cell apart into its named checks.

    Points that a header names are the check's; the rest of the cell's points is shared
    equally by the checks that name none.

    Raises:
        InvalidNotebook: hidden regions are unbalanced, or the named points exceed the cell's.

    """
    name = grade_id(grade_id_of(cell) or "")
    preamble, blocks = _blocks(cell.source, name)
    points = points_of(cell)
    named = sum(block.points for block in blocks if block.points is not None)
    shares = sum(block.points is None for block in blocks)
    if named > points + 1e-9 or (blocks and not shares and abs(named - points) > 1e-9):
        raise InvalidNotebook(
            f"Test cell {name!r} has {points:g} points, but its checks add up to {named:g}.", cell=name
        )
    share = (points - named) / shares if shares else 0.0
    checks = tuple(
        Check(
            id=f"{name}.{number}",
            name=block.name,
            points=share if block.points is None else block.points,
            hidden=block.hidden,
            hints=tuple(block.hints),
            source=block.source,
        )
        for number, block in enumerate(blocks, 1)
    )
    named_by_author = any(_CHECK.match(line) for line in cell.source.splitlines())
    return TestCell(grade_id=name, points=points, preamble=preamble, checks=checks, named=named_by_author)


def questions(notebook: NotebookNode) -> tuple[Question, ...]:
    """Group answer cells with the test cells that judge them.

    A question is a run of answer cells and the test cells that follow it before the next answer cell.
    """
    found: list[Question] = []
    answers: list[str] = []
    tests: list[str] = []
    points = 0.0

    def close() -> None:
        nonlocal points
        if answers and tests:
            found.append(Question(answers=tuple(answers), tests=tuple(tests), points=points))
        answers.clear()
        tests.clear()
        points = 0.0

    for cell in notebook.cells:
        role, name = role_of(cell), grade_id_of(cell)
        if cell.cell_type != "code" or name is None:
            continue
        if role is Role.ANSWER:
            if tests:
                close()
            answers.append(name)
        elif role is Role.TESTS:
            tests.append(name)
            points += points_of(cell)
    close()
    return tuple(found)


class _Block:
    """Lines of one check while a test cell is being read."""

    def __init__(self, name: str, points: float | None, hidden: bool) -> None:
        self.name, self.points, self.hidden = name, points, hidden
        self.hints: list[str] = []
        self.lines: list[str] = []

    @property
    def source(self) -> str:
        return "\n".join(self.lines)

    @property
    def empty(self) -> bool:
        return all(not line.strip() or line.lstrip().startswith(("#", "//", ";")) for line in self.lines)


def _blocks(source: str, name: str) -> tuple[str, list[_Block]]:
    """Split a test cell; every part keeps its line numbers by leading blank lines."""
    lines = source.splitlines()
    named = any(_CHECK.match(line) for line in lines)
    blocks: list[_Block] = []
    preamble = _Block("", None, False)
    current = preamble
    inside = False
    if not named:
        current = _Block("Visible tests", None, False)
        blocks = [current]
    for number, line in enumerate(lines):
        if HIDDEN_BEGIN in line or HIDDEN_END in line:
            begins = HIDDEN_BEGIN in line
            if begins == inside:
                raise InvalidNotebook(f"Test cell {name!r}, line {number + 1}: unbalanced hidden region.", cell=name)
            inside = begins
            if not named and begins:
                current = _Block("Hidden tests", None, True)
                blocks.append(current)
            elif not named:
                current = _Block("Visible tests", None, False)
                blocks.append(current)
            continue
        if header := _CHECK.match(line):
            points = header["points"]
            current = _Block(header["name"], float(points) if points else None, inside)
            blocks.append(current)
        elif (hint := _HINT.match(line)) and current is not preamble:
            current.hints.append(hint["text"])
        else:
            current.hidden = current.hidden or (inside and bool(line.strip()))
            current.lines += [""] * (number - len(current.lines)) + [line]
    if inside:
        raise InvalidNotebook(f"Test cell {name!r}: a hidden region is never closed.", cell=name)
    if not named:
        blocks = [block for block in blocks if not block.empty] or blocks[:1]
    return preamble.source, blocks
