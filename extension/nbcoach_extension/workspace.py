"""The learner's copies of exercises: `<course>/<exercise>/<exercise>.ipynb` and its data files.

What a learner wrote is never lost: a copy of the present version is left alone, an older one is kept
beside the new one as `<exercise>-before-<version>.ipynb`, and its answers are carried over by grade id.
So that an untouched starter is told from an answer, and an added cell from one that the author took out, a placed
notebook remembers its cells in `metadata.nbcoach.cells`, and an answer cell its starter's hash in `nbcoach.starter`.
All files go through the server's contents manager, so they land where the file browser looks.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import copy
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from jupyter_server.utils import ensure_async
from tornado.web import HTTPError

from nbcoach_exercises.errors import Conflict, UpstreamFailed

MAX_FILES = 200
_PART = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_.\- ]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")

Notebook = dict[str, Any]


class Workspace:
    """Places exercises into a server's files.

    Args:
        contents: the server's contents manager, synchronous or not.

    """

    def __init__(self, contents: Any) -> None:
        self._contents = contents
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def place(self, course: str, exercise: str, released: Mapping[str, Any]) -> dict[str, Any]:
        """Make sure that the newest version of an exercise is there.

        Args:
            course: a valid course id.
            exercise: a valid exercise id.
            released: the grader's answer: notebook, version and files.

        Returns:
            `path`, `version`, whether it was `created` or `updated`, and where the former
            version was `kept`, if there was one.

        Raises:
            UpstreamFailed: what the grader sent cannot be placed.
            Conflict: the learner's files stand in the way.

        """
        return await self._write(course, exercise, released, anew=False)

    async def reset(self, course: str, exercise: str, released: Mapping[str, Any]) -> dict[str, Any]:
        """Put the starter in the place of the learner's notebook, which is kept beside it.

        Arguments, result and errors are those of `place`; nothing is carried over, and data files are written anew.
        """
        return await self._write(course, exercise, released, anew=True)

    async def _write(self, course: str, exercise: str, released: Mapping[str, Any], *, anew: bool) -> dict[str, Any]:
        notebook, version, data = _read_release(released, f"{exercise}.ipynb")
        folder = f"{course}/{exercise}"
        path = f"{folder}/{exercise}.ipynb"
        lock = self._locks.setdefault(path, asyncio.Lock())
        async with lock:
            try:
                return await self._place(folder, path, remembering(notebook), version, data, anew=anew)
            except HTTPError as err:
                reason = err.log_message or err.reason or "the files refuse it"
                raise Conflict(f"{path} cannot be written: {reason}", path=path) from err

    async def _place(
        self, folder: str, path: str, notebook: Notebook, version: str, data: Mapping[str, str], *, anew: bool
    ) -> dict[str, Any]:
        await self._make_folders(folder)
        existing = await self._read(path)
        kept: str | None = None
        if existing is not None and (anew or _version_of(existing) != version):
            if not anew:
                notebook = carry_answers(existing, notebook)
            kept = await self._free_name(path, _version_of(existing) or "unknown")
            await self._save_notebook(kept, existing)
        changed = existing is None or kept is not None
        for name, content in data.items():
            await self._write_file(f"{folder}/{name}", content, overwrite=changed)
        if changed:
            await self._save_notebook(path, notebook)
        return {
            "path": path,
            "version": version,
            "created": existing is None,
            "updated": kept is not None,
            "kept": kept,
        }

    async def _read(self, path: str) -> Notebook | None:
        if not await ensure_async(self._contents.file_exists(path)):
            return None
        model = await ensure_async(self._contents.get(path, type="notebook"))
        content: Notebook = model["content"]
        return content

    async def _free_name(self, path: str, version: str) -> str:
        stem = f"{path.removesuffix('.ipynb')}-before-{version}"
        for number in range(1, 1000):
            name = f"{stem}.ipynb" if number == 1 else f"{stem}-{number}.ipynb"
            if not await ensure_async(self._contents.file_exists(name)):
                return name
        raise Conflict(f"There are too many files named {stem}.ipynb.", path=path)

    async def _make_folders(self, folder: str) -> None:
        parts = folder.split("/")
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth])
            if not await ensure_async(self._contents.dir_exists(part)):
                await ensure_async(self._contents.save({"type": "directory"}, part))

    async def _save_notebook(self, path: str, notebook: Notebook) -> None:
        await ensure_async(self._contents.save({"type": "notebook", "format": "json", "content": notebook}, path))

    async def _write_file(self, path: str, content: str, *, overwrite: bool) -> None:
        if not overwrite and await ensure_async(self._contents.file_exists(path)):
            return
        await self._make_folders(path.rpartition("/")[0])
        await ensure_async(self._contents.save({"type": "file", "format": "base64", "content": content}, path))


def remembering(notebook: Notebook) -> Notebook:
    """Return a fresh notebook that remembers what its author put into it."""
    marked = copy.deepcopy(notebook)
    own = marked.setdefault("metadata", {}).setdefault("nbcoach", {})
    own["cells"] = [cell["id"] for cell in marked["cells"] if isinstance(cell.get("id"), str)]
    for cell in marked["cells"]:
        if _answer_id(cell) is not None:
            cell["metadata"].setdefault("nbcoach", {})["starter"] = _mark(cell)
    return marked


def carry_answers(old: Notebook, new: Notebook) -> Notebook:
    """Return the new version with the learner's answers and added cells in it.

    An answer is the source of a cell that is a solution cell in both versions, under the same grade id,
    unless it is still the starter. An added cell comes after the cell that it followed.
    """
    answers: dict[str, Any] = {}
    for cell in old.get("cells", []):
        name = _answer_id(cell)
        if name is not None and _own(cell).get("starter") != _mark(cell):
            answers.setdefault(name, cell["source"])  # of copies, the first is the one that was graded
    carried = copy.deepcopy(new)
    for cell in carried["cells"]:
        name = _answer_id(cell)
        if name in answers:
            cell["source"] = answers[name]
    return _with_added(old, carried)


def _with_added(old: Notebook, new: Notebook) -> Notebook:
    placed = _own(old).get("cells")
    if not isinstance(placed, list):
        return new  # it was placed before notebooks remembered their cells
    present = {cell.get("id") for cell in new["cells"]}
    after: str | None = None
    for cell in old.get("cells", []):
        if cell.get("id") in placed:
            after = cell["id"] if cell["id"] in present else after
        elif cell.get("id") not in present and "nbgrader" not in cell.get("metadata", {}):
            place = next((n for n, c in enumerate(new["cells"], 1) if c.get("id") == after), 0)
            new["cells"].insert(place, copy.deepcopy(cell))
            after = cell.get("id", after)
    return new


def starter_of(released: Mapping[str, Any], cell: str) -> str | None:
    """Return the source of an answer cell of a released notebook, by grade id; None where there is no such cell."""
    notebook, _, _ = _read_release(released, "")
    return next((_text(found["source"]) for found in notebook["cells"] if _answer_id(found) == cell), None)


def file_name(value: Any) -> str:
    """Return a data file's path if it stays inside the exercise's folder and is not hidden.

    Raises:
        UpstreamFailed: it climbs, is absolute, hidden, or no plain path.

    """
    if isinstance(value, str) and len(value) <= 512 and all(_PART.fullmatch(part) for part in value.split("/")):
        return value
    raise UpstreamFailed(f"The grader sent a file with the name {str(value)[:80]!r}, which cannot be placed.")


def _read_release(released: Mapping[str, Any], own_name: str) -> tuple[Notebook, str, dict[str, str]]:
    notebook, version, data = released.get("notebook"), released.get("version"), released.get("files", [])
    if (
        not isinstance(notebook, dict)
        or not isinstance(notebook.get("cells"), list)
        or not isinstance(version, str)
        or not _VERSION.fullmatch(version)
        or not isinstance(data, list)
        or len(data) > MAX_FILES
    ):
        raise UpstreamFailed("The grader sent no exercise that can be placed.")
    found: dict[str, str] = {}
    for item in data:
        if not isinstance(item, dict) or not isinstance(item.get("content"), str):
            raise UpstreamFailed("The grader sent a file that cannot be placed.")
        name = file_name(item.get("path"))
        try:
            base64.b64decode(item["content"], validate=True)
        except binascii.Error as err:
            raise UpstreamFailed(f"The grader sent the file {name!r} in a form that cannot be read.") from err
        if name == own_name or name.endswith(".ipynb"):
            raise UpstreamFailed(f"The grader sent the file {name!r}, which would replace a notebook.")
        found[name] = item["content"]
    return notebook, version, found


def _version_of(notebook: Notebook) -> str | None:
    """Return the version that a learner's notebook claims; it becomes part of a file name."""
    version = _own(notebook).get("version")
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None


def _own(node: Mapping[str, Any]) -> dict[str, Any]:
    own = node.get("metadata", {}).get("nbcoach")
    return own if isinstance(own, dict) else {}


def _mark(cell: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(cell.get("source", "")).strip().encode("utf-8", "replace")).hexdigest()[:16]


def _text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _answer_id(cell: Any) -> str | None:
    meta = cell.get("metadata", {}).get("nbgrader") if isinstance(cell, dict) else None
    if not isinstance(meta, dict) or not meta.get("solution"):
        return None
    name = meta.get("grade_id")
    return name if isinstance(name, str) and name else None
