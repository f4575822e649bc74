"""The keeper of one kernel: starts it in a sandbox, passes interrupts on, and leaves nothing of it behind.

Theory of operation: the engine starts `python -I -m nbcoach_grader.kernels.keeper ORDER -- ARGV` with
one end of a socket pair as standard input, the leash. Up to three processes come of it:

    keeper    outside the sandbox. Reads the leash: `s` starts the kernel, `i` interrupts it; when the
              leash closes, because the engine wants it or has died, all of the kernel is ended.
    first     number 1 of the kernel's own table of processes, with own terminals; only where the
              system has namespaces. When it ends, the kernel of the system ends all others in there.
    kernel    enters the sandbox, and only then executes the kernel's command.

Without namespaces the keeper adopts what the kernel leaves behind, and ends that one by one. The
kernel is then given no terminals: it could open those of others.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from nbcoach_hub.confinement import ConfinementUnavailable
from nbcoach_hub.confinement.namespaces import leave, mount_private, namespaces_work
from nbcoach_hub.processes import become_subreaper, die_with_parent, end_descendants

from ..sandbox import inside
from ..sandbox.removal import remove

REFUSED = 125
_LEASH = 0


def main(arguments: list[str]) -> int:
    """Keep a kernel until it ends or the leash closes; return its status."""
    if len(arguments) < 3 or arguments[1] != "--":
        sys.stderr.write("usage: python -I -m nbcoach_grader.kernels.keeper ORDER -- ARGV...\n")
        return REFUSED
    order, argv = json.loads(arguments[0]), arguments[2:]
    become_subreaper()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    if os.read(_LEASH, 1) != b"s":
        _clean_up(Path(order["folder"]))
        return 0
    if namespaces_work():
        leave()
        pid = _fork(lambda: _first(order, argv))
    else:
        pid = _fork(lambda: _become(order, argv))
    status, dropped = _watch(pid, wake)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    end_descendants(grace=0)
    if dropped:
        _clean_up(Path(order["folder"]))
    return status


def _watch(pid: int, wake: int) -> tuple[int, bool]:
    """Return the kernel's status once it has ended, or 0, and whether the engine has gone without a word."""
    while True:
        ready, _, _ = select.select([_LEASH, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            ended, status = _reaped(pid)
            if ended:
                return os.waitstatus_to_exitcode(status) % 256, False
        if _LEASH in ready:
            word = os.read(_LEASH, 1)
            if word == b"i":
                os.kill(pid, signal.SIGINT)
            else:
                return 0, word == b""


def _reaped(pid: int) -> tuple[bool, int]:
    """Reap everything that has ended; say whether that process has, and its status."""
    found = (False, 0)
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                break
            if ended == pid:
                found = (True, status)
    return found


def _first(order: dict[str, Any], argv: list[str]) -> None:
    die_with_parent(signal.SIGKILL)
    mount_private()
    kernel = _fork(lambda: _become({**order, "terminals": True}, argv))
    signal.signal(signal.SIGINT, lambda *_: os.kill(kernel, signal.SIGINT))
    while True:
        ended, status = os.wait()
        if ended == kernel:
            sys.exit(os.waitstatus_to_exitcode(status) % 256)


def _become(order: dict[str, Any], argv: list[str]) -> NoReturn:
    for sign in (signal.SIGINT, signal.SIGCHLD):
        signal.signal(sign, signal.SIG_DFL)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, _LEASH)
    die_with_parent(signal.SIGKILL)
    inside.enter(order)
    os.execvp(argv[0], argv)  # noqa: S606


def _fork(child: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        _guarded(child)
    return pid


def _guarded(run: Callable[[], None]) -> NoReturn:
    """Run what a child is for, and end it, whatever happens."""
    status = REFUSED
    try:
        run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except (ConfinementUnavailable, OSError) as err:
        sys.stderr.write(f"nbcoach: the kernel was not started: {err}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)


def _clean_up(folder: Path) -> None:
    """Remove the box, and the engine's folder after the last one: the engine has died and cannot."""
    remove(folder.parent)
    with contextlib.suppress(OSError):
        folder.parent.parent.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
