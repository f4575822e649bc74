"""Fork servers as the service sees them: started afresh, told what a course needs, ended."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineFailed
from ..sandbox.inside import THREADS
from .process import Process, ProcessGone

END_SECONDS = 3.0


@dataclass(frozen=True)
class Zygote:
    """A fork server: the handle on it, the child process that it is, and what it loads before it is told."""

    process: Process
    child: subprocess.Popen[bytes]
    likely: frozenset[str] = frozenset()

    @property
    def alive(self) -> bool:
        """Return whether it can be given orders."""
        return self.process.usable and self.child.poll() is None

    async def load(self, imports: Sequence[str]) -> None:
        """Tell it what a course needs, and wait until it has all of that; a fork server is told once.

        Args:
            imports: modules to load.

        Raises:
            EngineFailed: it does not come up.

        """
        try:
            await self.process.say({"imports": list(imports)})
            await self.process.hello()
        except BaseException as err:
            await self.kill()
            if isinstance(err, ProcessGone):
                raise EngineFailed("The fork server did not come up; see the grader's log.") from err
            raise

    async def end(self) -> None:
        """Let it end, with all that it has forked."""
        with contextlib.suppress(ProcessGone):
            await self.process.tell("end")
        self.process.close()
        try:
            await asyncio.to_thread(self.child.wait, END_SECONDS)
        except subprocess.TimeoutExpired:
            await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        self.process.close()
        self.child.kill()
        await asyncio.to_thread(self.child.wait)


def start_zygote(folder: Path, likely: Collection[str] = ()) -> Zygote:
    """Start a fork server with an empty environment, which is yet to be told what to load.

    Args:
        folder: the engine's own; a folder `home` in it is all that the fork server is shown.
        likely: modules that it will be told to load, so that it can begin.

    Raises:
        EngineFailed: it cannot be started.

    """
    ours, theirs = socket.socketpair()
    home = folder / "home"
    command = [sys.executable, "-I", "-m", "nbcoach_grader.engine.zygote", "--control", str(theirs.fileno())]
    command += ["--folder", str(folder), *(part for name in sorted(likely) for part in ("--import", name))]
    environment = {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MiB of addresses, and those are what bounds memory
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **THREADS,
    }
    try:
        child = subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), env=environment, cwd=home, stdin=subprocess.DEVNULL
        )
    except OSError as err:
        ours.close()
        raise EngineFailed(f"The fork server cannot be started: {err}") from err
    finally:
        theirs.close()
    return Zygote(Process(ours, child.pid), child, frozenset(likely))
