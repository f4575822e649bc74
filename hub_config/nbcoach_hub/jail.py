"""Start one learner's server, confined, and leave nothing of it behind.

Theory of operation: the hub starts `python -I -m nbcoach_hub.jail <plan> -- <command>`; the plan
is JSON and holds no secret. Up to three processes come of it:

    keeper    outside; the one whose id the hub knows. Passes on SIGINT and SIGTERM, ends
              everything when the server ends or when the hub does.
    first     number 1 of the server's own table of processes; only with namespaces. When it
              ends, the kernel ends all the others in there.
    server    gives up its rights, and only then touches the learner's home and executes the
              command. Nothing outside ever opens a file in a home, as the learner could have
              put a link there.

Whatever part of the plan cannot be had ends the start with status 125.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn, Self

from .confinement import ConfinementUnavailable, drop_capabilities, forbid_syscalls, no_new_privileges, restrict_files
from .confinement.namespaces import leave, mount_private
from .processes import become_subreaper, die_with_parent, end_descendants
from .protection import Level

REFUSED = 125
_PRIVATE = ".nbcoach"
_FOLDERS = ("tmp", "runtime", "run")
_MAX_FILES = 65536


@dataclass(frozen=True)
class Plan:
    """How one server is to be confined."""

    home: str
    level: Level
    namespaces: bool
    read_only: list[str]
    read_write: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    memory_mb: int = 4096
    processes: int = 512
    file_mb: int = 2048
    inner: bool = False

    def to_json(self) -> str:
        """Return the plan as one argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a plan."""
        fields = json.loads(text)
        return cls(**{**fields, "level": Level(fields["level"])})


def environment(home: str) -> dict[str, str]:
    """Return the variables that keep a server's own files inside its home."""
    private = f"{home}/{_PRIVATE}"
    return {
        "HOME": home,
        "TMPDIR": f"{private}/{_FOLDERS[0]}",
        "JUPYTER_RUNTIME_DIR": f"{private}/{_FOLDERS[1]}",
        "XDG_RUNTIME_DIR": f"{private}/{_FOLDERS[2]}",
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_CACHE_HOME": f"{home}/.cache",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "MPLCONFIGDIR": f"{home}/.config/matplotlib",
        "SHELL": "/bin/bash",
    }


def main(arguments: list[str]) -> int:
    """Run a command as a plan says and return its status."""
    if len(arguments) < 3 or arguments[1] != "--":
        sys.stderr.write("usage: python -I -m nbcoach_hub.jail PLAN -- COMMAND...\n")
        return REFUSED
    plan, command = Plan.from_json(arguments[0]), arguments[2:]
    if plan.inner:
        return _guarded(lambda: _become_server(plan, command))
    os.closerange(3, _MAX_FILES)
    die_with_parent()
    if plan.level is not Level.BUBBLEWRAP and plan.namespaces:
        return _guarded(lambda: _keep_namespaces(plan, command))
    become_subreaper()
    status = _guarded(lambda: _keep(lambda: _become_server(plan, command)))
    end_descendants(grace=1.0)
    return status


def _keep_namespaces(plan: Plan, command: list[str]) -> int:
    def first() -> NoReturn:
        die_with_parent(signal.SIGKILL)
        mount_private()
        drop_capabilities()
        sys.exit(_keep(lambda: _become_server(plan, command)))

    leave()
    return _keep(first)


def _keep(child: Callable[[], NoReturn]) -> int:
    """Run `child` in a new process, pass signals on to it, and return its status once it has ended."""
    passed = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, passed)
    pid = os.fork()
    if pid == 0:
        for sign in passed:
            signal.signal(sign, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, passed)
        os._exit(_guarded(child))

    def forward(sign: int, _: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)

    for sign in passed:
        signal.signal(sign, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, passed)
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _guarded(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (ConfinementUnavailable, OSError) as err:
        sys.stderr.write(f"nbcoach: the server was not started: {err}\n")
        return REFUSED


def _become_server(plan: Plan, command: list[str]) -> NoReturn:
    os.umask(0o077)
    _limit(plan)
    if plan.level is Level.BUBBLEWRAP and not plan.inner:
        die_with_parent(signal.SIGKILL)
        wrapped = bubblewrap(plan, command)
        os.execv(wrapped[0], wrapped)  # noqa: S606
    if plan.level is not Level.NONE:
        _confine(plan)
    die_with_parent(signal.SIGKILL)
    os.chdir(plan.home)
    _redirect(Path(plan.home, _PRIVATE))
    os.execvp(command[0], command)  # noqa: S606


def _limit(plan: Plan) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: plan.memory_mb << 20,
        resource.RLIMIT_FSIZE: plan.file_mb << 20,
        resource.RLIMIT_NOFILE: 4096,
        resource.RLIMIT_NPROC: plan.processes,
    }
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (capped, capped))


def _confine(plan: Plan) -> None:
    drop_capabilities()
    no_new_privileges()
    if plan.level is not Level.BUBBLEWRAP:
        needs = 6 if plan.level is Level.LANDLOCK else 1
        restrict_files(
            plan.read_only, [plan.home, *plan.read_write], tcp=True, unix=False, devices=plan.devices, needs=needs
        )
    forbid_syscalls("server")


def _redirect(private: Path) -> None:
    """Give the server its own folders and log; by now a link to elsewhere leads nowhere."""
    for name in _FOLDERS:
        (private / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    null = os.open("/dev/null", os.O_RDONLY)
    log = os.open(private / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


def bubblewrap(plan: Plan, command: list[str]) -> list[str]:
    """Return the bubblewrap command that shows a process the files of a plan and nothing else."""
    found = shutil.which("bwrap")
    if found is None:
        raise ConfinementUnavailable("bwrap is not installed.")
    arguments = [found, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--new-session"]
    package = str(Path(__file__).parent)
    for path in [*plan.read_only, package, str(Path(package).parent / "nbcoach_exercises")]:
        if Path(path).is_symlink():
            arguments += ["--symlink", os.readlink(path), path]  # noqa: PTH115
        else:
            arguments += ["--ro-bind-try", path, path]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--bind", plan.home, plan.home]
    arguments += ["--remount-ro", "/", "--chdir", plan.home]
    inner = Plan(**{**asdict(plan), "inner": True})
    return [*arguments, "--", sys.executable, "-I", "-m", "nbcoach_hub.jail", inner.to_json(), "--", *command]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
