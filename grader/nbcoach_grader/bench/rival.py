"""The rival: nbgrader's own commands, timed as whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from nbcoach_exercises.errors import Unavailable

TIMEOUT_SECONDS = 1800.0


def nbgrader(folder: Path, *arguments: str) -> float:
    """Run a command of nbgrader in a folder and return the seconds that it took.

    Raises:
        Unavailable: it failed.

    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    start = time.perf_counter()
    try:
        subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=folder,
            env={**os.environ, "PATH": path},
            check=True,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as err:
        said = (err.stderr or b"").decode("utf-8", "replace")[-1000:]
        raise Unavailable(f"nbgrader {' '.join(arguments)} failed: {said}") from err
    return time.perf_counter() - start
