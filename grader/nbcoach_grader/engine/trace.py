"""Where an exception came from, in the learner's own lines: what is told of a traceback. All of it is a claim."""

from __future__ import annotations

import builtins
import contextlib
import difflib
import linecache
import re
import traceback
import types
from collections.abc import Iterable, Mapping
from typing import Any

from .plan import MAX_TRACE

MAX_TEXT = 2000
MAX_NAMES = 5000
CELLS: dict[int, tuple[str, int]] = {}
"""By the number of its run: what a cell is called, and how many empty lines at its start IPython left out."""

_FILE = re.compile(r"<ipython-input-(\d+)-")


def described(error: BaseException, names: Mapping[str, Any], cell: str, blank: int) -> dict[str, Any]:
    """Describe an exception that ended a cell.

    Args:
        error: the exception.
        names: the learner's globals, for a name that was meant.
        cell: what the cell that ended is called.
        blank: the empty lines at its start.

    """
    line, text, trace = None, None, trace_of(error.__traceback__)
    if isinstance(error, SyntaxError):
        if type(error.lineno) is int and _FILE.match(str(error.filename)):
            line, text = max(error.lineno + blank, 1), str(error.text or "").strip()[:500]
            trace = [[cell, line, text[:200], "", 1]]
    else:  # a function of an earlier cell has line numbers of its own
        own = [place for place in trace if place[0] == cell]
        line, text = (own[-1][1], own[-1][2]) if own else (None, None)
    return {
        "name": type(error).__name__[:200],
        "message": _message(error, names)[:MAX_TEXT],
        "line": line,
        "text": text,
        "trace": trace,
    }


def trace_of(trace: types.TracebackType | None) -> list[list[Any]]:
    """Return `[cell, line, text, function, times]` for lines of the learner's, outermost first.

    A line that comes back, as in a recursion, stands there once. Of many, the first and the last ones are kept.
    """
    seen: dict[tuple[str, int, str], int] = {}
    for frame, line in traceback.walk_tb(trace):
        if _FILE.match(frame.f_code.co_filename):
            key = (frame.f_code.co_filename, line, frame.f_code.co_name)
            seen[key] = seen.get(key, 0) + 1
    places = list(seen.items())
    if len(places) > MAX_TRACE:
        places = places[: MAX_TRACE // 2] + places[-(MAX_TRACE // 2) :]
    found = []
    for (file, line, function), times in places:
        number = _FILE.match(file)
        cell, blank = CELLS.get(int(number[1]), ("", 0)) if number else ("", 0)
        text = linecache.getline(file, line).strip()[:200]
        found.append([cell, line + blank, text, "" if function.startswith("<") else function[:80], times])
    return found


def _message(error: BaseException, names: Mapping[str, Any]) -> str:
    """Return what an exception says, with the name that may have been meant, as Python itself prints it."""
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)
        meant = _meant(error, names)
    except Exception:
        return ""
    return f"{text}. Did you mean: '{meant}'?" if meant and "Did you mean" not in text else text


def _meant(error: BaseException, names: Mapping[str, Any]) -> str | None:
    """Return the known name that is most like a missing one."""
    if isinstance(error, UnboundLocalError):
        return None
    if isinstance(error, NameError):
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        local = list(frames[-1].f_locals) if frames else []
        return _closest(error.name, [*local, *names, *dir(builtins)])
    if isinstance(error, AttributeError):
        thing = error.obj
        if isinstance(thing, types.ModuleType):
            return _closest(error.name, vars(thing))
        if thing is not None and type(type(thing)) is type:  # no `__dir__` of the learner's is asked
            own: dict[str, Any] = {}
            with contextlib.suppress(AttributeError):
                own = object.__getattribute__(thing, "__dict__")
            return _closest(error.name, [*own, *dir(type(thing))])
    return None


def _closest(name: Any, known: Iterable[Any]) -> str | None:
    if type(name) is not str or len(name) > 60:
        return None
    public = [k for k in known if type(k) is str and (name.startswith("_") or not k.startswith("_"))]
    found = difflib.get_close_matches(name, public[:MAX_NAMES], n=1, cutoff=0.7)
    return found[0] if found and found[0] != name else None
