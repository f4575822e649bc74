"""The server of the tests that speaks MongoDB's wire protocol: built once, started where a test needs it.

Run as a program it builds the server, which takes minutes the first time: longer than a test may take.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent
BUILT = SOURCES.parents[1] / "build"


NO_GO = "Go 1.21 or newer is not installed: the server that speaks MongoDB's wire protocol cannot be built"


@cache
def binary() -> Path:
    """Return the server, built if it has not been; without Go the test is skipped, and fails in CI."""
    built = build()
    if built is None:
        pytest.fail(NO_GO) if os.environ.get("CI") else pytest.skip(NO_GO)
    return built


def build() -> Path | None:
    """Build the server of the present sources, unless it has been; None without Go."""
    sources = b"".join((SOURCES / name).read_bytes() for name in ("go.mod", "go.sum", "main.go"))
    built = BUILT / f"mongo-server-{hashlib.sha256(sources).hexdigest()[:12]}"
    BUILT.mkdir(exist_ok=True)
    with (BUILT / "mongo-server.lock").open("w") as lock, tempfile.TemporaryDirectory(dir=BUILT) as beside:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if built.exists():
            return built
        if (go := new_go()) is None:
            return None
        made = Path(beside) / "server"
        command = [go, "build", "-trimpath", "-buildvcs=false", "-o", made, "."]
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        made.replace(built)
    return built


def new_go() -> str | None:
    """Return the path of Go; None where it is older than 1.21, which cannot fetch what `go.mod` names."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        return None
    told = subprocess.run([go, "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=False).stdout
    old = re.match(r"go1\.(\d|1\d|20)(\D|$)", told)
    return None if old else go


class MongoServer:
    """One server over a folder; it can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{probe.getsockname()[1]}"
        folder.mkdir(parents=True, exist_ok=True)

    def url(self, database: str) -> str:
        return f"mongodb://{self._address}/{database}"

    def start(self) -> None:
        command = [binary(), "-listen", self._address, "-data", self._folder]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        assert told.startswith("mongodb://"), told
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            host, port = self._address.split(":")
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("the server does not listen")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, sign: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(sign)
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()


if __name__ == "__main__":
    place = build()
    print(place or f"{NO_GO}; its tests will be skipped.")
    sys.exit(place is None and bool(os.environ.get("CI")))
