"""Files that the learner's code wrote: read by a test as if they stood in the judge's own folder.

Their bytes come over the line when a test opens one for reading, are bounded, and never
touch the judge's disk, so nothing of them can be imported. From its first learner on, a judge looks up nothing that a
pickle names: unpickling a learner's bytes would run the learner's code here.
"""

from __future__ import annotations

import builtins
import io
import os
import pathlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .judge_peer import JudgePeer

Replaced = dict[tuple[Any, str], Callable[..., Any]]


def unpickle_nothing() -> None:
    """Refuse, for good, what a pickle names; plain values need no name."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _: Any) -> None:
    if event == "pickle.find_class":
        raise PermissionError("Beside a learner's process no pickle is loaded that names classes or functions.")


def file_reads(peer: JudgePeer) -> Replaced:
    """Return what stands in a judge for opening and looking for files."""
    opened, exists, is_file, size = builtins.open, os.path.exists, os.path.isfile, os.path.getsize
    path_exists, path_is_file = pathlib.Path.exists, pathlib.Path.is_file

    def theirs(path: Any, verb: str = "read-file") -> Any:
        """Ask for a file that stands in the folder of the learner's side; None where it has none."""
        name = _inside(path)
        return None if name is None else peer.request(verb, name)

    def open_either(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        try:
            return opened(file, mode, *args, **options)
        except FileNotFoundError:
            data = theirs(file) if set(mode) <= set("rbt") else None
            if type(data) is not bytes:
                raise
        stream = io.BytesIO(data)
        if "b" in mode:
            return stream
        settings = dict(zip(("buffering", "encoding", "errors", "newline"), args, strict=False)) | options
        encoding = settings.get("encoding") or "utf-8"
        return io.TextIOWrapper(stream, encoding, settings.get("errors"), settings.get("newline"))

    def either(found: Callable[[Any], bool]) -> Callable[..., bool]:
        return lambda path, *args, **options: found(path, *args, **options) or theirs(path, "file-size") is not None

    def size_of(path: Any) -> int:
        try:
            return size(path)
        except FileNotFoundError:
            found = theirs(path, "file-size")
            if type(found) is not int:
                raise
            return found

    return {
        (builtins, "open"): open_either,
        (io, "open"): open_either,
        (os.path, "exists"): either(exists),
        (os.path, "isfile"): either(is_file),
        (os.path, "getsize"): size_of,
        (pathlib.Path, "exists"): either(path_exists),
        (pathlib.Path, "is_file"): either(path_is_file),
    }


def _inside(path: Any) -> str | None:
    """Return a path below the working folder, relative to it; None for any other."""
    if not isinstance(path, (str, os.PathLike)):
        return None
    here = os.path.realpath(Path.cwd())
    full = os.path.normpath(os.path.join(here, os.fspath(path)))  # noqa: PTH118 - text, and no link is followed
    return os.path.relpath(full, here) if isinstance(full, str) and full.startswith(here + os.sep) else None
