"""What `nbcoach doctor` says of the sandbox; found by the entry point `nbcoach.findings`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nbcoach_hub.doctor import Finding

from ..errors import SandboxFailed
from .choice import LEVELS, choose, tried


def findings() -> list[Finding]:
    """Return the level in force, each level that does not work, and each thing with whether it is protected.

    Names are stable: `sandbox`, `sandbox.level.<level>` and `sandbox.<thing>`, with hyphens for spaces.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            sandbox = choose(Path(folder))
        except SandboxFailed as err:
            return [Finding("sandbox", "missing", err.message)]
        found = [Finding("sandbox", "ok" if not sandbox.lacks else "warning", f"level {sandbox.name!r} is in force")]
        for level in LEVELS:
            reasons = [reason for name, _, reason in tried() if name == level]
            if all(reasons):
                why = reasons[-1] if reasons else "the kernel lacks what it needs"
                found.append(Finding(f"sandbox.level.{level}", "warning", f"does not work here: {why}"))
        for thing in sandbox.protections():
            name = "sandbox." + thing.name.replace(" ", "-")
            if thing.held:
                found.append(Finding(name, "ok", "protected"))
            else:
                found.append(Finding(name, "warning", thing.meaning, thing.advice))
    return found
