"""Removing folders in which a learner's code has made what it liked."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path


def remove(folder: Path) -> None:
    """Remove a folder; one that is gone already is fine.

    What `shutil.rmtree` cannot get through, as it needs a stack frame and a descriptor for each level of
    folders, is left to `rm`.
    """
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        subprocess.run(["/bin/rm", "-rf", "--", folder], check=False, stderr=subprocess.DEVNULL)
