"""Which kernels there are: those that the administrator installed, never one that a learner could have put there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from nbcoach_exercises.errors import InvalidInput

_PYTHON = ("python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """How a kernel is started and interrupted; `argv` holds the place of the connection file."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    by_message: bool = False

    def command(self, connection: Path) -> list[str]:
        """Return what to execute, given the connection file."""
        return [part.replace("{connection_file}", str(connection)) for part in self.argv]


def system_folders() -> list[str]:
    """Return where kernels are installed for everybody: this environment's folder and the system's."""
    roots = dict.fromkeys((sys.prefix, "/usr/local", "/usr"))
    return [str(Path(root, "share/jupyter/kernels")) for root in roots]


def find_spec(name: str, folders: Sequence[str]) -> Spec:
    """Return an installed kernel by name.

    Args:
        name: what a notebook's metadata calls it.
        folders: where kernels are installed, the first that has it wins.

    Raises:
        InvalidInput: none of that name is installed.

    """
    manager = KernelSpecManager(kernel_dirs=list(folders), ensure_native_kernel=False)
    try:
        found = manager.get_kernel_spec(name)
    except (NoSuchKernel, ValueError, OSError):
        there = sorted(manager.find_kernel_specs())
        raise InvalidInput(
            f"Kernel {name!r} is not installed on the grader; these are: {', '.join(there) or 'none'}.",
            kernel=name,
            installed=there,
        ) from None
    argv = [part.replace("{resource_dir}", found.resource_dir) for part in found.argv]
    if argv[0] in _PYTHON:  # as Jupyter itself does
        argv[0] = sys.executable
    return Spec(
        name=name,
        argv=tuple(argv),
        environment=dict(found.env),
        by_message=found.interrupt_mode == "message",
    )
