"""The fork server: a process that has everything loaded and knows nothing.

Theory of operation. The service executes this module afresh (`python -I -m …zygote`) with an
empty environment and one socket, so no secret of the service is in its
memory. It loads IPython and the course's libraries and waits. Every process that it or its
children fork runs the same loop on a control socket of its own:

    fork      → a child that stands exactly here, on the socket that came along
    enter     → confine this process for good (see `sandbox`); before any foreign code runs
    run       → run a cell here; this process is then the snapshot after that cell
    serve     → (subject) answer a judge on the socket that came along
    judge     → (judge) run test cells against the socket that came along, report verdicts
    discard   → (zygote) kill the process group of a child of mine, and reap it

A process ends when its control socket closes. Only the zygote is asked to kill: a child that
it has not reaped keeps its process id, so a wrong process can never be hit.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ..sandbox import inside
from . import framing
from .judge import Judge
from .namespace import import_own
from .subject import run_cell, serve

SHELL_NAMES = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open"})


class Worker:
    """The loop of one forked process.

    Args:
        control: the socket on which the service gives orders.
        shell: the IPython shell that was loaded before the fork.
        root: whether this is the zygote itself.

    """

    def __init__(self, control: socket.socket, shell: InteractiveShell, root: bool) -> None:
        self._control = control
        self._shell = shell
        self._root = root
        self._groups: set[int] = set()
        self._orders: dict[str, Callable[..., Any]] = {
            "fork": self._fork,
            "enter": self._enter,
            "run": self._run,
            "serve": self._serve,
            "judge": self._judge,
            "discard": self._discard,
        }

    def loop(self) -> None:
        """Carry out orders until the control socket closes."""
        while True:
            try:
                message, fds = framing.receive_with_fds(self._control)
            except (EOFError, OSError):
                return
            self._reap()
            order = self._orders[message["order"]]
            arguments = {name: value for name, value in message.items() if name != "order"}
            try:
                answer = order(*fds, **arguments)
            except OSError as err:
                answer = {"failed": f"{type(err).__name__}: {err}"}
            framing.send(self._control, answer)

    def _fork(self, fd: int) -> dict[str, Any]:
        pid = os.fork()
        if pid:
            os.close(fd)
            if self._root:
                self._groups.add(pid)
            return {"pid": pid}
        with contextlib.suppress(OSError):
            self._control.close()
        self._control = socket.socket(fileno=fd)
        if self._root:
            os.setsid()
        self._root = False
        self._groups.clear()
        return {"pid": os.getpid()}  # the child's first message, on its own socket

    def _enter(self, box: dict[str, Any]) -> dict[str, Any]:
        inside.enter(box)
        return {"entered": True}

    def _run(self, source: str, seconds: float) -> dict[str, Any]:
        return run_cell(self._shell, source, seconds)

    def _serve(self, fd: int, seconds: float) -> dict[str, Any]:
        with socket.socket(fileno=fd) as line:
            serve(self._shell, line, seconds)
        os._exit(0)

    def _judge(
        self, fd: int, cells: list[dict[str, Any]], answers: list[str], sources: list[str], limit: float
    ) -> dict[str, Any]:
        own = {k: v for k, v in self._shell.user_ns.items() if not k.startswith("_") and k not in SHELL_NAMES}
        own["get_ipython"] = self._shell.user_ns["get_ipython"]
        for source in sources:
            import_own(source, own)
        with socket.socket(fileno=fd) as line:
            return {"cells": Judge(line, own, answers, sources, limit).run(cells)}

    def _discard(self, pid: int) -> dict[str, Any]:
        if not self._root:
            return {"failed": "only the zygote discards"}
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # it may not have reached setsid() yet
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        self._groups.discard(pid)
        return {"discarded": pid}

    def end(self) -> None:
        """Leave nothing behind: the service has gone."""
        for pid in tuple(self._groups):
            self._discard(pid)

    def _reap(self) -> None:
        """Reap forks of a snapshot; the zygote's own children wait for `discard`."""
        if self._root:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def make_shell() -> InteractiveShell:
    """Return an IPython shell without history, colours or threads."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 100
    shell = InteractiveShell.instance(config=config)
    for name in ("showtraceback", "showsyntaxerror"):  # the report says it; nobody reads it here
        setattr(shell, name, lambda *args, **kwargs: None)
    return shell


def main(argv: Sequence[str] | None = None) -> None:
    """Load what the course needs, say ready, and serve."""
    parser = argparse.ArgumentParser(prog="nbcoach-zygote")
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--import", dest="imports", action="append", default=[])
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shell = make_shell()
    missing = []
    for name in ["matplotlib.pyplot", *arguments.imports]:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    shell.run_cell("pass", silent=True)  # type: ignore[no-untyped-call]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - lives as long as the process
    control = socket.socket(fileno=arguments.control)
    framing.send(control, {"ready": True, "missing": missing})
    worker = Worker(control, shell, root=True)
    worker.loop()
    worker.end()
    os._exit(0)


if __name__ == "__main__":
    main()
