"""What confines a process, called inside it. Imported by the fork server, so it imports little.

Theory of operation. A freshly forked process calls `enter` before any foreign code runs. It
moves to its box, empties its environment, bounds its resources and then, as far as the level
says, gives up everything else for good: files, user id, capabilities, network, signals, system calls.
Children inherit all of it, and nothing in it can be undone from inside.

At the level `namespaces` the process was born (`born`) as the first of a table of processes of
its own, and sees a root that holds the system, Python and a file system in memory with its
box's files, and nothing else. Beside those files stands a folder for named shared memory and semaphores, which
`multiprocessing` needs: /dev/shm is a link to it. So it costs no further mount, has the bounds of the files and
ends with them.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbcoach_hub.confinement import drop_capabilities, forbid_syscalls, no_new_privileges, restrict_files
from nbcoach_hub.confinement.namespaces import close_view, cover, enter_view, fork_apart, fork_within, keep_account
from nbcoach_hub.confinement.seccomp import compiled

from .usage import address_space

MAX_FILE_BYTES = 64 * 2**20
MAX_FILES = 256
MAX_CPU_SECONDS = 600
TERMINALS = ("/dev/tty", "/dev/ptmx", "/dev/pts")

THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "JOBLIB_MULTIPROCESSING": "0",  # `n_jobs=2` of scikit-learn starts interpreters, for a second, that need /proc
}
"""What tells libraries to use one thread and one process: forks lose threads, and a class shares the processors."""

_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a link in a root of our own


def born(birth: Mapping[str, Any]) -> int:
    """Fork as a box wants its first process born; return the child's process id, and 0 in the child.

    Raises:
        OSError: it cannot be had.

    """
    if not birth:
        return os.fork()
    if birth.get("within"):
        return fork_within()
    return fork_apart(own_accounts=bool(birth["own_accounts"]))


def unlike_the_first() -> None:
    """Undo in a fork what only the first process of a box has: children that are reaped without being asked."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def make_ready() -> None:
    """Do ahead, in who will fork much, what each child would have to do for itself."""
    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))  # what is in boxes within an author's counts as his too
    with contextlib.suppress(OSError):
        compiled("learner")


def enter(order: Mapping[str, Any]) -> None:
    """Confine the calling process for good.

    Args:
        order: `folder`, `memory_bytes`; from the Landlock level on `read_only`, the files to be read, and
            `landlock`, whether the kernel has it; `user` where the box has a user id of its own, `own_count` where its
            `processes` are counted apart from all others; at the level of namespaces `view`, and `shared`, the folder
            of named shared memory. `author` says that boxes
            will be made within this one, for which `writable` can be changed besides; such a box has `copy_from`, a
            folder to copy, `address_bytes`, what the author's process has, and at the level of namespaces `cover`. A
            Jupyter kernel's also has `environment`, more variables, `kernel`: local sockets may be listened at, and
            `terminals`: they may be opened, as it sees none but its own.

    Raises:
        OSError: a part of the confinement cannot be had; the process must not be used.

    """
    folder = str(order["folder"])
    limits = {
        resource.RLIMIT_AS: int(order.get("address_bytes") or address_space()) + int(order["memory_bytes"]),
        resource.RLIMIT_FSIZE: MAX_FILE_BYTES,
        resource.RLIMIT_NOFILE: MAX_FILES,
        resource.RLIMIT_CPU: MAX_CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
    }
    user = order.get("user")
    if "copy_from" in order:
        limits[resource.RLIMIT_AS] = min(limits[resource.RLIMIT_AS], resource.getrlimit(resource.RLIMIT_AS)[1])
        _copy(order, str(order["copy_from"]), order.get("cover"))
    elif "view" in order:
        _change_view(order, order["view"])
    elif user is not None:
        for place in Path(folder).parents[:2]:  # the way to the box may be walked, not seen
            place.chmod(0o711)
    if user is not None:
        for own in _own(order):
            _give(own, int(user))
    os.chdir(folder)
    os.umask(0o077)
    _set_environment(order, folder)
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))
    if order.get("own_count"):
        bound = int(order["processes"])
        most = resource.getrlimit(resource.RLIMIT_NPROC)[1] if order.get("author") else bound
        resource.setrlimit(resource.RLIMIT_NPROC, (bound, most))
    if "read_only" in order:
        drop_capabilities(user)
        no_new_privileges()
        kernel = bool(order.get("kernel"))
        if order["landlock"]:
            devices = ["/dev/null", *(TERMINALS if order.get("terminals") else ())]
            writable = [*_own(order), *order.get("writable", ())]
            restrict_files(order["read_only"], writable, tcp=False, unix=kernel, devices=devices)
        forbid_syscalls(_policy(order))


def _policy(order: Mapping[str, Any]) -> str:
    """Return the policy that makes up what is forbidden, with the author's where that one holds already."""
    if order.get("kernel"):
        return "kernel"
    if order.get("author"):
        return "author"
    return "learner" if "copy_from" in order else "cell"


def _set_environment(order: Mapping[str, Any], folder: str) -> None:
    """Empty the environment but for what is known to be needed; within an author's box it is what his cells made it."""
    outer = order.get("copy_from")
    if outer is not None:
        moved = {name: folder for name in ("HOME", "TMPDIR") if outer != folder and os.environ.get(name) == outer}
        os.environ.update(moved)
        return
    os.environ.clear()
    os.environ.update(HOME=folder, TMPDIR=folder, PATH="/usr/local/bin:/usr/bin:/bin", LANG="C.UTF-8", MPLBACKEND="Agg")
    os.environ.update(PIP_RETRIES="0", PIP_DISABLE_PIP_VERSION_CHECK="1")  # `!pip install` says at once that it cannot
    os.environ.update(THREADS)
    os.environ.update(order.get("environment", {}))


def _change_view(order: Mapping[str, Any], view: Mapping[str, Any]) -> None:
    """Leave all files behind but the system, Python, and a copy of the box's files in memory."""
    if view["account"] is not None:
        keep_account(*view["account"])
    os.umask(0o022)
    root = str(view["root"])
    shown = [path for path in order["read_only"] if path not in _DEVICES]
    memory = view["memory"]
    enter_view(root, shown, _DEVICES, {_SHARED_MEMORY: order["shared"]}, memory["place"], _options(memory))
    _furnish(order, root)
    shutil.copytree(view["source"], root + str(order["folder"]), dirs_exist_ok=True)
    close_view(root)


def _copy(order: Mapping[str, Any], source: str, memory: Mapping[str, Any] | None) -> None:
    """Take a copy of the author's files, in memory over the originals or in a folder of its own."""
    os.chdir(source)  # what is covered can be reached from within
    if memory is not None:
        cover(memory["place"], _options(memory))
        _furnish(order)
    shutil.copytree(".", order["folder"], dirs_exist_ok=True, symlinks=True)


def _options(memory: Mapping[str, Any]) -> str:
    return f"mode=0711,size={memory['bytes']},nr_inodes={memory['entries']}"


def _own(order: Mapping[str, Any]) -> list[str]:
    """Return the folders that belong to who is inside."""
    return [str(order[name]) for name in ("folder", "shared") if name in order]


def _furnish(order: Mapping[str, Any], root: str = "") -> None:
    """Make those folders in a file system in memory."""
    for place in _own(order):
        os.mkdir(root + place, 0o700)  # noqa: PTH102


def _give(folder: str, user: int) -> None:
    os.chown(folder, user, user)
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            os.chown(Path(place, name), user, user, follow_symlinks=False)
