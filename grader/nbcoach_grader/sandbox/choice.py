"""Choose the best sandbox that this system allows, by trying them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from nbcoach_exercises.model import Limits
from nbcoach_hub.confinement import landlock_abi
from nbcoach_hub.confinement.syscalls import machine

from ..errors import SandboxFailed
from .abc import Sandbox
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


@lru_cache(maxsize=1)
def tried() -> tuple[tuple[str, Make, str], ...]:
    """Return all sandboxes from the best on: the level, how it is made, and why it does not work; tried once."""
    candidates = _candidates()
    with tempfile.TemporaryDirectory(prefix="nbcoach-probe-") as folder:
        sandboxes = [make(Path(folder)) for _, make in candidates]
        boxes = [sandbox.prepare((), Limits()) for sandbox in sandboxes]
        asked = json.dumps([{"birth": dict(box.birth), "order": dict(box.order)} for box in boxes])
        command = [sys.executable, "-I", "-m", "nbcoach_grader.sandbox.probe"]
        try:
            done = subprocess.run(
                command, input=asked, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True
            )
            reasons: list[str] = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.SubprocessError) as err:
            raise SandboxFailed(f"Sandboxes cannot be tried: {err}") from err
        finally:
            for sandbox, box in zip(sandboxes, boxes, strict=True):
                sandbox.discard(box)
    return tuple((name, make, reason) for (name, make), reason in zip(candidates, reasons, strict=True))


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
