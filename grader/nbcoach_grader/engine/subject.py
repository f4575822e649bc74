"""The subject: runs the learner's cells in IPython and reports what it saw. All it says is a claim."""

from __future__ import annotations

import builtins
import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

from .capture import Capture
from .displays import DISPLAY_SECONDS
from .figures import make_ready
from .peer import BoundedText
from .subject_peer import SubjectPeer
from .threads import left_behind
from .trace import CELLS, described

_NO_ERROR: Mapping[str, Any] = MappingProxyType(
    {"ok": True, "name": None, "message": None, "line": None, "text": None, "trace": []}
)


class OutOfTime(BaseException):
    """The cell ran longer than its limit; no `Exception`, so that a loop around `try` does not swallow it."""


def run_cell(
    shell: InteractiveShell, source: str, seconds: float, cell: str = "", room: int | None = None
) -> dict[str, Any]:
    """Run one cell.

    The peak is memory beyond what the process had when the cell began. A fork starts to count anew, with
    what it shares with its parent, and each cell runs in a fork of its own, so a difference of `ru_maxrss` says it.

    Args:
        shell: the learner's shell.
        source: the cell, with magics.
        seconds: after this time `OutOfTime` is raised inside the cell.
        cell: what the cell is called.
        room: how many bytes of displays are asked for; None when nobody looks at them.

    Returns:
        `{"ok", "name", "message", "line", "text", "trace", "output", "seconds", "peak_kb", "displays", "cut",
        "threads"}`; the five about an exception are empty where there was none, `threads` tells whether some go on.

    """
    # What an earlier cell did to how cells are read must not reach into later questions.
    shell.input_transformer_manager = TransformerManager()  # type: ignore[no-untyped-call]
    shell.ast_transformers = []
    output = BoundedText()
    blank = len(source) - len(source.lstrip("\n"))  # IPython leaves out empty lines at the start
    CELLS[shell.execution_count] = (cell, blank)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    error: BaseException | None = None
    make_ready(source)
    shown = Capture(shell, output, room)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), shown:
        with time_limit(seconds):
            try:
                result = shell.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
                error = result.error_before_exec or result.error_in_exec
            except BaseException as err:
                error = err
        took = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        with contextlib.nullcontext() if room is None else time_limit(DISPLAY_SECONDS):
            shown.finish()
    report = _NO_ERROR if error is None else {"ok": False, **described(error, shell.user_ns, cell, blank)}
    report = {**report, "output": output.getvalue(), "seconds": took, "peak_kb": max(peak, 0)}
    return report | shown.claim() | {"threads": left_behind()}


def run_plain(shell: InteractiveShell, source: str, cell: str) -> dict[str, Any] | None:
    """Run a cell that only defines names; what IPython does beyond that would copy hundreds of pages of a fork.

    Args:
        shell: the learner's shell.
        source: the cell.
        cell: what the cell is called.

    Returns:
        What `run_cell` returns; None where it has to be run that way.

    """
    start = time.perf_counter()
    number = shell.execution_count
    try:
        exec(compile(source, shell.compile.cache(source, number), "exec"), shell.user_ns)  # noqa: S102
    except Exception:
        return None
    CELLS[number] = (cell, 0)
    if shell.history_manager is not None:
        shell.history_manager.input_hist_parsed.append(source)  # which a notebook calls `In`
    shell.execution_count = number + 1
    took = time.perf_counter() - start
    return {**_NO_ERROR, "output": "", "seconds": took, "peak_kb": 0, "threads": left_behind()}


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
        open(os.devnull, "w") as nowhere,  # noqa: PTH123 - what else runs here would copy pages of a fork
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        peer.serve()


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
