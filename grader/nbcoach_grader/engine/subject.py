"""The subject: runs the learner's cells in IPython and reports what it saw. All it says is a claim."""

from __future__ import annotations

import builtins
import contextlib
import linecache
import os
import resource
import signal
import socket
import sys
import time
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

from .peer import BoundedText
from .subject_peer import SubjectPeer

MAX_TEXT = 2000


class OutOfTime(BaseException):
    """The cell ran longer than its limit; no `Exception`, so that a loop around `try` does not swallow it."""


def run_cell(shell: InteractiveShell, source: str, seconds: float) -> dict[str, Any]:
    """Run one cell.

    Args:
        shell: the learner's shell.
        source: the cell, with magics.
        seconds: after this time `OutOfTime` is raised inside the cell.

    Returns:
        `{"ok", "name", "message", "line", "text", "output", "seconds", "peak_kb"}`; the four about an
        exception are None where there was none.

    """
    # What an earlier cell did to how cells are read must not reach into later questions.
    shell.input_transformer_manager = TransformerManager()  # type: ignore[no-untyped-call]
    shell.ast_transformers = []
    output = BoundedText()
    start = time.perf_counter()
    error: BaseException | None = None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), time_limit(seconds):
        try:
            result = shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
            error = result.error_before_exec or result.error_in_exec
        except BaseException as err:
            error = err
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report: dict[str, Any] = {"ok": error is None, "name": None, "message": None, "line": None, "text": None}
    if error is not None:
        report |= _described(error)
    return report | {"output": output.getvalue(), "seconds": time.perf_counter() - start, "peak_kb": peak}


def serve(shell: InteractiveShell, sock: socket.socket, seconds: float) -> None:
    """Answer a judge until it goes; the kernel ends this process when it is stuck for longer than that.

    Args:
        shell: the learner's shell.
        sock: the line to the judge.
        seconds: the whole time allowed.

    """
    peer = SubjectPeer(sock, shell.user_ns)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)

    def ask(prompt: object = "") -> str:
        answer: str = peer.request("input", peer.encode([str(prompt)]))
        return answer

    builtins.input = ask
    shell.user_ns["input"] = ask
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        peer.serve()


def _described(error: BaseException) -> dict[str, Any]:
    """Say where in the learner's own cell an exception came from."""
    line, text = None, None
    if isinstance(error, SyntaxError):
        line, text = error.lineno, error.text
    else:
        line, text = _place(error.__traceback__)
    try:
        message = str(error)
    except Exception:
        message = ""
    return {
        "name": type(error).__name__[:200],
        "message": message[:MAX_TEXT],
        "line": line if isinstance(line, int) and line > 0 else None,
        "text": text.strip()[:500] if isinstance(text, str) else None,
    }


def _place(trace: types.TracebackType | None) -> tuple[int | None, str | None]:
    """Return the line of the learner's cell where an exception came through, and its text."""
    cell: str | None = None
    found: tuple[int | None, str | None] = (None, None)
    for frame, line in traceback.walk_tb(trace):
        name = frame.f_code.co_filename
        if not name.startswith("<ipython-input"):
            continue
        cell = cell or name
        if name == cell:  # a function of an earlier cell has line numbers of its own
            found = (line, linecache.getline(name, line))
    return found


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in whatever runs after some seconds; the service kills what catches it."""

    def ring(*_: object) -> None:
        raise OutOfTime(f"The cell ran longer than {seconds:g} seconds.")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - input() ends at once, whatever a cell did to it
