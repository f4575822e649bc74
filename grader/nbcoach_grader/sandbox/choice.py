"""Choose the best sandbox that this system allows, by trying them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nbcoach_exercises.model import Limits
from nbcoach_hub.confinement import landlock_abi
from nbcoach_hub.confinement.syscalls import machine

from ..errors import SandboxFailed
from .abc import Box, Sandbox
from .cgroups import ControlGroups, find_control_groups
from .landlock import LandlockSandbox
from .namespaces import NamespaceSandbox
from .plain import PlainSandbox

AUTO = "auto"
LEVELS = (NamespaceSandbox.name, LandlockSandbox.name, PlainSandbox.name)
"""From the best to the least; each protects all that the next does."""

_PROBE_SECONDS = 30

Make = Callable[[Path], Sandbox]


def choose(root: Path, wanted: str = AUTO, *, ordinary: bool = False) -> Sandbox:
    """Return the best sandbox for this system, or the wanted one.

    Args:
        root: the folder below which boxes are made.
        wanted: `auto`, or the name of a level, which then must work.
        ordinary: for who starts processes in ordinary ways, and looks at a box's files from outside.

    Raises:
        SandboxFailed: the wanted level is unknown, or does not work here; the message says why.

    """
    if wanted not in (AUTO, *LEVELS):
        raise SandboxFailed(f"There is no sandbox {wanted!r}; there are: {', '.join((AUTO, *LEVELS))}.")
    works = [make(root) for name, make, reason in tried() if wanted in (AUTO, name) and not reason]
    works = [sandbox for sandbox in works if not (ordinary and sandbox.special)]
    if not works:
        reasons = "; ".join(dict.fromkeys(reason for name, _, reason in tried() if name == wanted))
        why = reasons or "the kernel lacks what it needs"
        raise SandboxFailed(f"The sandbox {wanted!r} does not work here: {why}.")
    return works[0]


@lru_cache(maxsize=1)
def control_groups() -> ControlGroups:
    """Return where control groups can be made, looked for once."""
    return find_control_groups()


@dataclass(frozen=True)
class _Trial:
    """What is being tried: how each sandbox is made, one of each with a box, and the process that tries them."""

    candidates: list[tuple[str, Make]]
    boxes: list[tuple[Sandbox, Box]]
    folder: tempfile.TemporaryDirectory[str]
    probe: subprocess.Popen[str]


@lru_cache(maxsize=1)
def begin() -> _Trial:
    """Begin to try all sandboxes, without waiting for it; `tried` goes on from there.

    Raises:
        SandboxFailed: they cannot be tried.

    """
    candidates = _candidates()
    folder = tempfile.TemporaryDirectory(prefix="nbcoach-probe-")
    sandboxes = [make(Path(folder.name)) for _, make in candidates]
    boxes = [(sandbox, sandbox.prepare((), Limits())) for sandbox in sandboxes]
    asked = json.dumps([{"birth": dict(box.birth), "order": dict(box.order)} for _, box in boxes])
    command = [sys.executable, "-I", "-m", "nbcoach_grader.sandbox.probe", asked]
    try:
        probe = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    except OSError as err:
        raise SandboxFailed(f"Sandboxes cannot be tried: {err}") from err
    return _Trial(candidates, boxes, folder, probe)


@lru_cache(maxsize=1)
def tried() -> tuple[tuple[str, Make, str], ...]:
    """Return all sandboxes from the best on: the level, how it is made, and why it does not work; tried once.

    Raises:
        SandboxFailed: they cannot be tried.

    """
    trial = begin()
    try:
        reasons: list[str] = json.loads(trial.probe.communicate(timeout=_PROBE_SECONDS)[0])
    except (ValueError, subprocess.SubprocessError) as err:
        trial.probe.kill()
        trial.probe.wait()
        raise SandboxFailed(f"Sandboxes cannot be tried: {err}") from err
    finally:
        for sandbox, box in trial.boxes:
            sandbox.discard(box)
        trial.folder.cleanup()
    return tuple((name, make, reason) for (name, make), reason in zip(trial.candidates, reasons, strict=True))


def _candidates() -> list[tuple[str, Make]]:
    """Return how the sandboxes of this kind of system are made, the best first."""
    groups, abi, root = control_groups(), landlock_abi(), os.geteuid() == 0
    found: list[tuple[str, Make]] = []
    try:
        machine()
    except OSError:
        return [(PlainSandbox.name, lambda folder: PlainSandbox(folder, groups))]

    def spaces(own_user: bool, own_accounts: bool) -> Make:
        return lambda folder: NamespaceSandbox(folder, abi, groups, own_user=own_user, own_accounts=own_accounts)

    def landlock(own_user: bool) -> Make:
        return lambda folder: LandlockSandbox(folder, abi, groups, own_user=own_user)

    if root:
        found += [(NamespaceSandbox.name, spaces(True, False)), (NamespaceSandbox.name, spaces(False, False))]
    found.append((NamespaceSandbox.name, spaces(False, True)))
    if abi:
        found += [(LandlockSandbox.name, landlock(True))] if root else []
        found.append((LandlockSandbox.name, landlock(False)))
    return [*found, (PlainSandbox.name, lambda folder: PlainSandbox(folder, groups))]
