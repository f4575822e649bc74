"""The fork server: a process that has everything loaded and knows nothing.

Theory of operation. The service executes this module afresh (`python -I -m …zygote`) with an
empty environment and one socket, so no secret of the service is in its
memory. It loads IPython and what the course is likely to need, is told what it needs (`load`), and then runs the loop
of `worker`, as does every process that is forked from it.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from nbcoach_hub.processes import become_subreaper

from ..sandbox.removal import remove
from ..sandbox.usage import held
from . import framing, nose_tools
from .pages import Ranges, collapse_pages, hot_pages
from .typical import exercise, warm_up
from .worker import Worker

PARENT_SECONDS = 0.5
_PLOTTING = frozenset({"matplotlib", "seaborn"})
"""Who imports one of these mostly wants pyplot."""


def make_shell() -> InteractiveShell:
    """Return an IPython shell without history, colours or threads."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 100
    shell = InteractiveShell.instance(config=config)
    # The report says it; nobody reads a traceback here, and making one takes longer than all the rest.
    for name in ("showtraceback", "showsyntaxerror", "_format_exception_for_storage"):
        setattr(shell, name, lambda *args, **kwargs: None)
    # `%matplotlib inline` stands in most notebooks; figures are looked at here, not shown.
    setattr(shell, "enable_matplotlib", lambda gui=None: (gui, "agg"))  # noqa: B010
    setattr(shell, "system", lambda command: run_command(shell, command))  # noqa: B010
    return shell


def fork_by_default() -> None:
    """Let `multiprocessing` fork where a cell chooses nothing else, as it did before Python 3.14.

    Later ones start a server for it, which takes a socket and knows no function of the notebook.
    """
    setattr(multiprocessing.context._default_context, "_default_context", multiprocessing.get_context("fork"))  # noqa: B010


def run_command(shell: InteractiveShell, command: str) -> None:
    """Run what stands behind a `!`, and print what it printed; IPython itself would ask for a terminal."""
    line = shell.var_expand(command, depth=2)  # type: ignore[no-untyped-call]
    done = subprocess.run(  # noqa: S602 - the learner's own command, where his code runs
        line, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    sys.stdout.write(done.stdout.decode(errors="replace"))
    shell.user_ns["_exit_code"] = done.returncode


def clean_up(folder: Path, parent: int) -> None:
    """Remove the engine's folder if the service has died without saying so; one that lives does it itself."""
    end = time.monotonic() + PARENT_SECONDS
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(0.02)
    if os.getppid() != parent:
        remove(folder)


def load(names: Sequence[str], arguments: argparse.Namespace) -> list[str]:
    """Load modules, and return those that are not there."""
    missing = []
    roots = {name.partition(".")[0] for name in names}
    for name in [*(["matplotlib.pyplot"] if roots & _PLOTTING else []), *names]:
        if name in arguments.without:
            continue
        before = held()
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
        if held() != before and name in names:
            arguments.imports = names
            start_without(name, arguments)
    return missing


def start_without(name: str, arguments: argparse.Namespace) -> NoReturn:
    """Start afresh without a module whose import leaves threads or descriptors; who wants it imports it himself."""
    sys.stderr.write(f"nbcoach: {name} leaves threads or open files behind when imported, so it is not preloaded\n")
    sys.stderr.flush()
    os.set_inheritable(arguments.control, True)
    command = [sys.executable, "-I", "-m", "nbcoach_grader.engine.zygote", "--control", str(arguments.control)]
    command += ["--folder", arguments.folder, *(["--told"] if arguments.told else [])]
    for option, modules in (("--import", arguments.imports), ("--without", [*arguments.without, name])):
        command += [part for module in modules for part in (option, module)]
    os.execv(command[0], command)  # noqa: S606


def made_ready(shell: InteractiveShell) -> Ranges:
    """Make forks of this process cheap, and return the pages that they mostly write."""
    warm_up()
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    collapse_pages()
    return hot_pages(lambda: exercise(shell))


def main(argv: Sequence[str] | None = None) -> None:
    """Load what the course needs, say ready, and serve."""
    parser = argparse.ArgumentParser(prog="nbcoach-zygote")
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--import", dest="imports", action="append", default=[], help="a module to load")
    parser.add_argument("--without", action="append", default=[], help="a module not to load")
    parser.add_argument("--told", action="store_true", help="nothing else is needed; else an order says what is")
    arguments = parser.parse_args(argv)
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # what loads now stays
    become_subreaper()
    nose_tools.offer()
    fork_by_default()
    shell = make_shell()
    control = socket.socket(fileno=arguments.control)
    likely = arguments.imports
    missing = load(likely, arguments)
    shell.run_cell("pass", silent=True)  # type: ignore[no-untyped-call]
    hot = made_ready(shell) if likely or arguments.told else []
    if not arguments.told:
        try:
            needed = framing.receive(control)["imports"]
        except (EOFError, OSError):
            clean_up(Path(arguments.folder), parent)
            return
        arguments.told = True
        missing = load(needed, arguments)
        if not likely or set(needed) - set(likely):
            hot = made_ready(shell)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - lives as long as the process
    gc.enable()
    framing.send(control, {"ready": True, "missing": missing})
    worker = Worker(control, shell, root=True, hot=hot)
    told = worker.loop()
    worker.end()
    if worker.root and not told:  # a child that ends has nothing to clean up
        clean_up(Path(arguments.folder), parent)
    os._exit(0)


if __name__ == "__main__":
    main()
