"""Control groups: bounds that hold for all processes of a box together, where this process may make groups.

Theory of operation. A box gets a group of its own in each hierarchy that can be written: one for
each controller with version 1, one for all of them with version 2. The kernel then bounds the
number of processes, bounds their memory together (and ends one of them when it does not
suffice, which is counted), and shares processors among boxes and not among processes, so that a
thousand spinning processes of one learner weigh as much as one of another's.

With version 2 a group that has members cannot hand its controllers to groups below it. Where that
stands in the way, the members of the service's own group are moved into a group `nbcoach-service`
beside the boxes' groups; what bounds the parent goes on bounding all of them.

Root is not held by RLIMIT_NPROC, and no resource limit counts the memory of several processes:
where there are no groups, what counts is `usage`.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

CONTROLLERS = ("pids", "memory", "cpu")

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "nbcoach-"
_LEAF = f"{_PREFIX}service"
_EMPTY_SECONDS = 0.5


@dataclass(frozen=True)
class ControlGroups:
    """Where groups for boxes can be made.

    `folders` has for each controller that can be used the folder of the parent group;
    `reasons` says of the others why not.
    """

    folders: dict[str, Path]
    version: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def make(self, name: str, memory_bytes: int, processes: int) -> None:
        """Make the groups of a box.

        Args:
            name: unique among boxes.
            memory_bytes: bound on the memory of all its processes together.
            processes: bound on the number of its processes and threads.

        Raises:
            OSError: a group cannot be made.

        """
        for controller, parent in self.folders.items():
            folder = parent / self._name(name)
            folder.mkdir(exist_ok=True)
            for setting, value in self._settings(controller, memory_bytes, processes):
                with contextlib.suppress(FileNotFoundError):  # no swap accounting, for example
                    (folder / setting).write_text(value)

    def add(self, name: str, pid: int) -> None:
        """Put a process, and all that it will fork, into the groups of a box.

        Raises:
            OSError: it has ended, or may not be moved.

        """
        for folder in self._of(name):
            (folder / "cgroup.procs").write_text(str(pid))

    def weigh(self, name: str, *, light: bool) -> None:
        """Give a box half of the usual share of the processors, or the usual one."""
        parent = self.folders.get("cpu")
        if parent is not None:
            setting, usual = ("cpu.weight", 100) if self.version == 2 else ("cpu.shares", 1024)
            with contextlib.suppress(OSError):  # it may have gone
                (parent / self._name(name) / setting).write_text(str(usual // 2 if light else usual))

    def memory_of(self, name: str) -> int | None:
        """Return the bytes of memory that a box's processes have together, None where it is not counted."""
        parent = self.folders.get("memory")
        if parent is None:
            return None
        counted = parent / self._name(name) / ("memory.current" if self.version == 2 else "memory.usage_in_bytes")
        return int("".join(_lines(counted)) or 0)

    def processes_of(self, name: str) -> int | None:
        """Return how many processes and threads a box has, None where they are not counted."""
        parent = self.folders.get("pids")
        return None if parent is None else int("".join(_lines(parent / self._name(name) / "pids.current")) or 0)

    def processor_seconds(self, name: str) -> float | None:
        """Return the time of processors that a box has used, None where it is not counted."""
        parent = self.folders.get("cpu")
        if parent is None:
            return None
        if self.version == 2:
            lines = [line for line in _lines(parent / self._name(name) / "cpu.stat") if line.startswith("usage_usec ")]
            return int(lines[0].split()[1]) / 1e6 if lines else None
        lines = _lines(parent / self._name(name) / "cpuacct.usage")  # where both controllers are mounted as one
        return int(lines[0]) / 1e9 if lines else None

    def memory_kills(self, name: str) -> int:
        """Return how many processes of a box the kernel has ended because all of them had too much memory."""
        parent = self.folders.get("memory")
        if parent is None:
            return 0
        counted = parent / self._name(name) / ("memory.events" if self.version == 2 else "memory.oom_control")
        return sum(int(line.split()[1]) for line in _lines(counted) if line.startswith("oom_kill "))

    def remove(self, name: str) -> None:
        """Remove the groups of a box; waits a moment for processes that are about to end."""
        end = time.monotonic() + _EMPTY_SECONDS
        for folder in self._of(name):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > end:
                        break
                    time.sleep(0.005)

    def _of(self, name: str) -> list[Path]:
        return [parent / self._name(name) for parent in dict.fromkeys(self.folders.values())]

    def _name(self, name: str) -> str:
        return f"{_PREFIX}{os.getpid()}-{name}"

    def _settings(self, controller: str, memory_bytes: int, processes: int) -> list[tuple[str, str]]:
        memory, none = str(memory_bytes), "0"
        if controller == "pids":
            return [("pids.max", str(processes))]
        if controller == "memory" and self.version == 2:
            return [("memory.max", memory), ("memory.swap.max", none)]
        if controller == "memory":
            return [("memory.limit_in_bytes", memory), ("memory.memsw.limit_in_bytes", memory)]
        return []  # an own group with the usual weight is what makes shares fair


def find_control_groups(root: Path = _ROOT) -> ControlGroups:
    """Return where groups can be made here, each controller really tried; forget those of services that have died.

    Args:
        root: where the hierarchies are mounted.

    """
    version, parents, reasons = 0, {}, {}
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        for controller in CONTROLLERS:
            if controller in controllers.split(","):
                version, parents[controller] = 1, _place(root / controller, path)
    unified = _place(root, "".join(line[3:] for line in _lines(Path("/proc/self/cgroup")) if line.startswith("0::")))
    if not parents and (unified / "cgroup.controllers").exists():
        version = 2
        reasons = _delegate(unified)
        parents = {name: unified for name in CONTROLLERS if name not in reasons}
    usable = {}
    for controller, parent in parents.items():
        why = _try(ControlGroups({controller: parent}, version))
        if why:
            reasons[controller] = why
        else:
            usable[controller] = parent
    for controller in CONTROLLERS:
        if controller not in usable:
            reasons.setdefault(controller, "the kernel or container offers no such controller")
    found = ControlGroups(usable, version, reasons)
    _forget_dead(found)
    return found


def _place(mount: Path, path: str) -> Path:
    """Return the folder of a group; in a container the path may be one of the host's, and the mount is the group."""
    inside = mount / path.strip().lstrip("/")
    return inside if (inside / "cgroup.procs").exists() else mount


def _delegate(parent: Path) -> dict[str, str]:
    """Hand the controllers of a version 2 group to the groups below it; say why where that fails."""
    reasons = {}
    for controller in CONTROLLERS:
        if controller in _words(parent / "cgroup.subtree_control"):
            continue
        try:
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            try:
                _move_members(parent)
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError as err:
                reasons[controller] = f"it cannot be delegated ({err.strerror})"
    return reasons


def _move_members(parent: Path) -> None:
    leaf = parent / _LEAF
    leaf.mkdir(exist_ok=True)
    for pid in _words(parent / "cgroup.procs"):
        with contextlib.suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(pid)


def _try(groups: ControlGroups) -> str:
    """Make a group and move a process into it; return why that fails, or nothing."""
    name = f"probe-{time.monotonic_ns()}"
    reader, writer = os.pipe()
    child = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)])
    try:
        groups.make(name, 64 * 2**20, 16)
        groups.add(name, child)
    except OSError as err:
        return f"no group can be made ({err.strerror})"
    finally:
        os.close(reader)
        os.close(writer)  # ends the child
        os.waitpid(child, 0)
        groups.remove(name)
    return ""


def _forget_dead(groups: ControlGroups) -> None:
    for parent in dict.fromkeys(groups.folders.values()):
        for folder in parent.glob(f"{_PREFIX}[0-9]*-*"):
            if not Path("/proc", folder.name.split("-")[1]).exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
