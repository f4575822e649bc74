"""The loop of a forked process: what the service can order it to do.

Every process that the fork server or its children fork runs this loop on a control socket of its own:

    fork      → a child that stands exactly here, on the socket that came along
    enter     → confine this process for good (see `sandbox`); before any foreign code runs
    limber    → copy the pages that it will write, while nobody waits for it
    settle    → be a fork server too, now that the author's first cells have run here
    run       → run cells here, an answer for each; this process is then the snapshot after the last one
    serve     → (subject) answer a judge on the socket that came along
    study     → (judge) carry out the author's imports and compile the checks, before the forks
    share     → (subject) run tests in the learner's own shell, where their author needs that
    judge     → (judge) run test cells, part after part, against the socket that came along, report verdicts
    decide    → (judge) run test cells of some stops against a socket that came along now or before, report verdicts
    end       → end, and leave the folder to the service
    discard   → (fork servers) kill the process group of a child of mine, and reap what of it has ended

A process ends when its control socket closes. Only fork servers are asked to kill: a child that
they have not reaped keeps its process id, so a wrong process can never be hit. As the subreaper of
all of them the zygote inherits what a learner's processes leave behind, and knows when all have gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from nbcoach_hub.processes import become_subreaper

from ..sandbox import inside
from . import framing
from .displays import MAX_CELL_BYTES, size_of
from .folder import Folder
from .judge import Author, Judge, all_passed, study
from .judge_peer import JudgePeer
from .learner_files import unpickle_nothing
from .names import SHELL_NAMES
from .pages import Ranges, copy_pages
from .shared import run_tests
from .subject import run_cell, run_plain, serve

ORPHAN_SECONDS = 3.0


class Worker:
    """The loop of one forked process.

    Args:
        control: the socket on which the service gives orders.
        shell: the IPython shell that was loaded before the fork.
        root: whether this is the zygote itself.
        hot: the pages that forks mostly write.

    """

    def __init__(self, control: socket.socket, shell: InteractiveShell, root: bool, hot: Ranges = ()) -> None:
        self._control = control
        self._hot = hot
        self._shell = shell
        self.root = self._server = root
        self._groups: set[int] = set()
        self._folder = Folder()
        self._author: Author | None = None
        self._benches: dict[int, Judge] = {}
        self._orders: dict[str, Callable[..., Any]] = {
            "fork": self._fork,
            "enter": self._enter,
            "settle": self._settle,
            "run": self._run,
            "serve": self._serve,
            "share": self._share,
            "study": self._study,
            "judge": self._judge,
            "limber": self._limber,
            "decide": self._decide,
            "discard": self._discard,
        }

    def loop(self) -> bool:
        """Carry out orders until the control socket closes, or told to end; return whether told."""
        while True:
            try:
                message, fds = framing.receive_with_fds(self._control)
            except (EOFError, OSError):
                return False
            if message["order"] == "end":
                return True
            self._reap()
            order = self._orders[message["order"]]
            arguments = {name: value for name, value in message.items() if name != "order"}
            try:
                answer = order(*fds, **arguments)
            except OSError as err:
                answer = {"failed": f"{type(err).__name__}: {err}"}
            framing.send(self._control, answer)

    def _fork(self, fd: int, birth: dict[str, Any] | None = None) -> dict[str, Any]:
        pid = inside.born(birth or {})
        if pid:
            os.close(fd)
            if self._server:
                self._groups.add(pid)
            return {"pid": pid}
        with contextlib.suppress(OSError):
            self._control.close()
        self._control = socket.socket(fileno=fd)
        if self._server:
            os.setsid()
        else:
            inside.unlike_the_first()
        self.root = self._server = False
        self._groups.clear()
        return {"pid": os.getpid()}  # the child's first message, on its own socket

    def _enter(self, box: dict[str, Any]) -> dict[str, Any]:
        inside.enter(box)
        self._folder.place = Path.cwd()
        self._folder.keep()
        sys.path.insert(0, "")  # modules that stand beside the notebook, as in a kernel
        return {"entered": True}

    def _settle(self) -> dict[str, Any]:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
            return {"failed": "processes were left behind"}
        become_subreaper()
        inside.make_ready()
        gc.collect()
        gc.freeze()
        self._server = True
        return {"settled": True}

    def _run(self, cells: list[dict[str, Any]], seconds: float, room: int | None = None) -> dict[str, Any]:
        inside.unlike_the_first()
        self._folder.bring_back()
        reports = self._reports(cells, seconds, room)
        held = b""
        for following, report in zip(cells[1:], reports, strict=False):
            held += framing.pack(report)
            if not following["plain"]:  # which may be the last that is heard of this process
                self._control.sendall(held)
                held = b""
        self._control.sendall(held)
        return next(reports)

    def _reports(self, cells: list[dict[str, Any]], seconds: float, room: int | None) -> Iterator[dict[str, Any]]:
        for cell in cells:
            some = None if room is None else min(room, MAX_CELL_BYTES)
            report = run_plain(self._shell, cell["source"], cell["id"]) if cell["plain"] else None
            if report is None:
                report = run_cell(self._shell, cell["source"], seconds, cell["id"], some)
                self._folder.keep()
                report["overwrites"] = self._folder.overwrites
            room = None if room is None else room - sum(size_of(shown[2]) for shown in report.get("displays", ()))
            yield report

    def _serve(self, fd: int, seconds: float) -> dict[str, Any]:
        try:
            self._folder.bring_back()
            with socket.socket(fileno=fd) as line:
                serve(self._shell, line, seconds)
        finally:
            os._exit(0)

    def _limber(self) -> dict[str, Any]:
        copy_pages(self._hot)
        return {"limber": True}

    def _share(self, cells: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
        self._folder.bring_back()
        return {"cells": run_tests(self._shell, cells, seconds)}

    def _study(self, sources: list[str], checks: list[str]) -> dict[str, Any]:
        own = {k: v for k, v in self._shell.user_ns.items() if not k.startswith("_") and k not in SHELL_NAMES}
        self._folder = Folder()  # only who runs learners' cells brings files back; a judge need not keep them
        self._author = study(own | {"get_ipython": self._shell.user_ns["get_ipython"]}, sources, checks)
        gc.collect()
        gc.freeze()
        return {"traceless": self._author.traceless}

    def _judge(
        self, fd: int, parts: list[list[dict[str, Any]]], answers: list[str], limit: float, total: float
    ) -> dict[str, Any]:
        if self._author is None:
            return {"failed": "there is nothing to judge by"}
        unpickle_nothing()
        with socket.socket(fileno=fd) as line, _dying_with(self._control):
            judge = Judge(JudgePeer(line), self._author, answers)
            judge.allow(limit, total)
            return {"parts": [judge.run(cells) for cells in parts]}

    def _decide(
        self,
        fd: int = -1,
        *,
        parts: list[list[dict[str, Any]]],
        first: Mapping[str, Any] | None,
        limit: float,
        total: float,
        until: float,
    ) -> dict[str, Any]:
        """Decide on one part after the other, as long as a part has left nothing that the next one could meet."""
        if first is not None and (failure := self._seat(fd, **first)) is not None:
            return failure
        answers: list[dict[str, Any]] = []
        with _dying_with(self._control):
            while len(answers) < len(parts) and all(answer["steady"] for answer in answers):
                asked = parts[len(answers)]
                judges = [self._benches[stop["stop"]] for stop in asked]
                decided = []
                for judge, stop in zip(judges, asked, strict=True):
                    judge.allow(limit, min(total, until - time.monotonic()))
                    decided.append(judge.run(stop["cells"], costs=False))
                clear = all(map(all_passed, decided))
                steady = clear or (all(j.unchanged() for j in judges) and judges[-1].steady())
                answers.append({"stops": decided, "steady": steady})
        return {"parts": answers}

    def _seat(self, fd: int, stops: list[int], answers: list[str], anew: bool) -> dict[str, Any] | None:
        """Take a line to a subject for some stops; `anew` leaves those of the notebook before."""
        if self._author is None:
            return {"failed": "there is nothing to judge by"}
        unpickle_nothing()
        if anew:
            for judge in self._benches.values():
                judge.leave()
            self._benches.clear()
        peer = JudgePeer(socket.socket(fileno=fd))
        self._benches |= {stop: Judge(peer, self._author, answers) for stop in stops}
        return None

    def _discard(self, pid: int) -> dict[str, Any]:
        """Kill a child's process group; `pending` while some of it are still about to end, as others wait for forks."""
        if pid not in self._groups:
            return {"failed": "no child of mine"}
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # it may not have reached setsid() yet
        for target in (-pid, pid):  # the group's orphans are ours, see `become_subreaper`
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(target, os.WNOHANG) != (0, 0):
                    pass
                return {"pending": pid}
        self._groups.discard(pid)
        return {"discarded": pid}

    def end(self) -> None:
        """Leave nothing behind: the service has gone."""
        end = time.monotonic() + ORPHAN_SECONDS
        for pid in tuple(self._groups):
            while "pending" in self._discard(pid) and time.monotonic() < end:
                time.sleep(0.001)

    def _reap(self) -> None:
        """Reap what has ended, except a fork server's own children: those wait for `discard`."""
        with contextlib.suppress(ChildProcessError):
            while not self._server and os.waitpid(-1, os.WNOHANG)[0]:
                pass
        for group in self._groups:
            with contextlib.suppress(ChildProcessError):
                while (ended := os.waitid(os.P_PGID, group, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                    if ended.si_pid == group:
                        break
                    os.waitpid(ended.si_pid, 0)


@contextlib.contextmanager
def _dying_with(control: socket.socket) -> Iterator[None]:
    """Let the kernel end this process when the service closes its control socket, whatever the process is at."""
    flags = fcntl.fcntl(control, fcntl.F_GETFL)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(control, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(control, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        yield
    finally:
        fcntl.fcntl(control, fcntl.F_SETFL, flags)
