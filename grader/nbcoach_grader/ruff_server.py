"""The ruff server: one ruff that is kept, and reads one learner's notebook after the other.

Theory of operation. `ruff server` speaks the language server protocol: messages of JSON-RPC on its standard input and
output, each behind a header with its length. A notebook is opened and closed in one breath; ruff reads it when it is
opened, and publishes what it finds cell by cell. Each notebook has an address of its own, so what comes late is known
and dropped. One notebook is read at a time: who makes ruff die or hang loses nobody's notes but his own.

ruff parses text and executes nothing. It has an empty environment, and bounds on memory, time and files before the
first byte of a learner's is written to it; from then on it can open no file at all. It is started when it is first
needed, and replaced when it has died, was late or talked nonsense, and after some hundred notebooks. It ends when its
standard input does, so it does not outlive the service, however that ends.

Not chosen: `ruff check`, which is a new process for each notebook; pull diagnostics, which read the whole notebook
again for each of its cells.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import EngineFailed

SECONDS = 2.0
"""Seconds that ruff has for one notebook, its own start included."""

MAX_NOTEBOOKS = 500
MAX_ANSWER = 2**20
"""Bytes on one notebook, about two thousand findings; nothing else in the service goes on while they are decoded."""

_LIMITS = {
    resource.RLIMIT_DATA: 512 * 2**20,  # not address space: each thread reserves 64 MB of it that it never uses
    resource.RLIMIT_CPU: 60,  # in all its life; one notebook is bounded by SECONDS
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_CORE: 0,
}
_NO_ANSWER = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, asyncio.LimitOverrunError)
"""How it shows that ruff is missing, late or gone, or answers nonsense."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What ruff has found: where, counted from cell 0 and row 1, and what; a syntax error's code is no rule."""

    code: str
    cell: int
    row: int
    message: str
    url: str


@cache
def ruff() -> str:
    """Return the path of the ruff that came with this Python, or else the one of the machine.

    Raises:
        FileNotFoundError: there is none.

    """
    beside = Path(sysconfig.get_path("scripts")) / "ruff"
    found = str(beside) if beside.is_file() else shutil.which("ruff")
    if found is None:
        raise FileNotFoundError("ruff is not installed")
    return found


class RuffServer:
    """Look for findings in notebooks.

    Args:
        rules: codes of the rules to look for.

    """

    def __init__(self, rules: Sequence[str]) -> None:
        self._rules = list(rules)
        self._turn = asyncio.Lock()
        self._reading: asyncio.Task[list[Finding]] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._notebooks = 0

    async def findings(self, sources: Sequence[str]) -> list[Finding]:
        """Return what ruff finds in a notebook's code cells, in no order.

        Raises:
            EngineFailed: ruff cannot be started, has died, is late, or finds too much.

        """
        await self._turn.acquire()
        reading = self._reading = asyncio.create_task(self._read(sources))
        reading.add_done_callback(self._done)
        return await asyncio.shield(reading)  # who waits may give up; ruff still has to come to an end in time

    async def close(self) -> None:
        """End the process, and what it is reading; idempotent."""
        self._kill()
        async with self._turn:
            await self._end()

    def _done(self, reading: asyncio.Task[list[Finding]]) -> None:
        self._turn.release()
        if not reading.cancelled():
            reading.exception()  # who has given up does not look at it

    async def _read(self, sources: Sequence[str]) -> list[Finding]:
        try:
            async with asyncio.timeout(SECONDS):
                process = self._process
                if process is None or process.returncode is not None or self._notebooks >= MAX_NOTEBOOKS:
                    await self._end()
                    process = await self._start()
                return await self._exchange(process, sources)
        except BaseException as err:
            await self._end()
            if isinstance(err, _NO_ANSWER):
                raise EngineFailed(f"ruff does not answer ({type(err).__name__}: {err})") from err
            raise

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        process = self._process = await asyncio.create_subprocess_exec(
            *(ruff(), "server", "--isolated"),
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            limit=MAX_ANSWER,
        )
        for kind, value in _LIMITS.items():
            resource.prlimit(process.pid, kind, (value, value))
        self._notebooks = 0
        settings = {
            "configurationPreference": "editorOnly",
            "configuration": {"target-version": "py311"},
            "lineLength": 100,
            "lint": {"select": self._rules},
        }
        about: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
        _send(process, "initialize", {**about, "initializationOptions": {"settings": settings}}, id=0)
        answer: dict[str, Any] = {}
        while answer.get("id") != 0:
            answer = json.loads(await _receive(process, MAX_ANSWER))
        _send(process, "initialized", {})
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (0, 0))
        return process

    async def _exchange(self, process: asyncio.subprocess.Process, sources: Sequence[str]) -> list[Finding]:
        self._notebooks += 1
        notebook = f"file:///{self._notebooks}.ipynb"
        cells = {f"{notebook}#{number}": number for number in range(len(sources))}
        texts = [
            {"uri": uri, "languageId": "python", "version": 1, "text": source.encode("utf-8", "replace").decode()}
            for uri, source in zip(cells, sources, strict=True)
        ]
        described = {"uri": notebook, "notebookType": "jupyter-notebook", "version": 1}
        described["cells"] = [{"kind": 2, "document": uri} for uri in cells]
        _send(process, "notebookDocument/didOpen", {"notebookDocument": described, "cellTextDocuments": texts})
        closed = {"notebookDocument": {"uri": notebook}, "cellTextDocuments": [{"uri": uri} for uri in cells]}
        _send(process, "notebookDocument/didClose", closed)
        findings: list[Finding] = []
        left = MAX_ANSWER
        while cells:
            body = await _receive(process, left)
            left -= len(body)
            message = json.loads(body)
            if message.get("method") == "textDocument/publishDiagnostics":
                cell = cells.pop(message["params"]["uri"], None)
                if cell is not None:
                    findings += [_finding(cell, item) for item in message["params"]["diagnostics"]]
        return findings

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    self._process.kill()  # not one that has ended: that would hide its end from the event loop

    async def _end(self) -> None:
        self._kill()
        process, self._process = self._process, None
        if process is not None:
            await process.communicate(b"")  # it counts as alive until what it has written is read


def _send(process: asyncio.subprocess.Process, method: str, parameters: Any, **more: Any) -> None:
    """Write a message; it is small enough to wait in the pipe's buffer."""
    assert process.stdin is not None
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters, **more}).encode()
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


async def _receive(process: asyncio.subprocess.Process, limit: int) -> bytes:
    """Return the body of the next message.

    Raises:
        EOFError: there is no more.
        ValueError: it is too large, or it is no message.

    """
    assert process.stdout is not None
    header = await process.stdout.readuntil(b"\r\n\r\n")
    size = int(header.lower().partition(b"content-length:")[2].split()[0])
    if not 0 <= size <= limit:
        raise ValueError(f"an answer of {size} bytes")
    return await process.stdout.readexactly(size)


def _finding(cell: int, item: dict[str, Any]) -> Finding:
    return Finding(
        code=str(item.get("code")),
        cell=cell,
        row=max(int(item["range"]["start"]["line"]), 0) + 1,
        message=str(item["message"]).partition("\n\nhelp: ")[0],
        url=str((item.get("codeDescription") or {}).get("href") or ""),
    )
