"""Try boxes from inside: `python -I -m nbcoach_grader.sandbox.probe` with a JSON list of boxes on standard input.

It answers with a JSON list: for each box what stands in the way, or nothing. It is a program
of its own because a box is forked, and the service has threads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import inside


def attempt(box: Mapping[str, Any]) -> str:
    """Enter a box with `birth` and `order`; return what stands in the way, or nothing."""
    reader, writer = os.pipe()
    try:
        pid = inside.born(box["birth"])
    except OSError as err:
        return f"it cannot be forked: {err.strerror or err}"
    if pid == 0:
        try:
            inside.enter(box["order"])
            Path(os.__file__).read_bytes()  # another user id may not be able to
            next(Path(sys.prefix).iterdir())
            Path("probe").write_text("x")
            os.write(writer, b"entered")
            signal.pause()
        except BaseException as err:
            os.write(writer, f"it cannot be entered: {err}".encode()[:500])
        finally:
            os._exit(0)
    os.close(writer)
    said = os.read(reader, 500).decode(errors="replace")
    os.close(reader)
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as err:
        return f"its processes cannot be ended: {err.strerror}"
    finally:
        os.waitpid(pid, 0)
    return "" if said == "entered" else said or "it ended at once"


if __name__ == "__main__":
    sys.stdout.write(json.dumps([attempt(box) for box in json.loads(sys.argv[1])]))
