"""One kernel in its sandbox: started, asked to run code, ended with everything that it left behind.

Theory of operation: the grader and the kernel talk through local sockets in the kernel's box. Once all
of them are connected the connection file with the key and the socket files are removed, so that code
that runs in the kernel finds neither. All that a kernel says is a claim: messages are bounded in size
and number, and whatever is missing, late or malformed is never a success.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import write_connection_file

from nbcoach_exercises.model import DataFile, Limits
from nbcoach_hub.processes import descendants

from ..errors import EngineFailed
from ..sandbox.abc import Box, Sandbox
from ..sandbox.usage import bytes_below
from .answer import Answer, Collected
from .specs import Spec

log = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
END_SECONDS = 5.0
WATCH_SECONDS = 0.25
MAX_PROCESSES = 256
MAX_BYTES = 256 * 2**20
MAX_MESSAGE_BYTES = 4 * 2**20
MAX_QUEUE = 64
_START_BYTES = 64 * 2**30
WIRE = ".kernel"
"""The folder of a kernel's connection, in its box."""

SOCKET = "s"
"""How the names of its sockets begin."""


def new_context() -> zmq.asyncio.Context:
    """Return a messaging context whose sockets bound what a kernel can make the grader hold."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    context.setsockopt(zmq.RCVHWM, MAX_QUEUE)
    context.setsockopt(zmq.LINGER, 0)
    return context


class Kernel:
    """A kernel that nobody has used yet, or that one request uses; `start` makes one.

    Args:
        spec: which kernel.
        sandbox: what confines it.
        context: where its sockets come from.
        readable: what it may read beside what all learners' code may.

    """

    def __init__(
        self, spec: Spec, sandbox: Sandbox, context: zmq.asyncio.Context, readable: Iterable[str] = ()
    ) -> None:
        self.spec = spec
        self._readable = tuple(readable)
        self._sandbox = sandbox
        self._client = AsyncKernelClient(context=context)
        self._box: Box | None = None
        self._leash: socket.socket | None = None
        self._keeper: asyncio.subprocess.Process | None = None
        self._ended: asyncio.Task[int] | None = None
        self._lost = ""

    @property
    def usable(self) -> bool:
        """Return whether the kernel can be asked something."""
        return self._ended is not None and not self._ended.done() and not self._lost

    async def start(self, seconds: float) -> None:
        """Start the kernel and wait until it answers.

        Raises:
            EngineFailed: it does not, within `seconds`.

        """
        try:
            async with asyncio.timeout(seconds):
                await self._start(seconds)
        except BaseException as err:
            said = self._log_tail()
            await self.discard()
            if isinstance(err, (OSError, RuntimeError, TimeoutError, zmq.ZMQError)):
                log.error("Kernel %s did not start: %s %s", self.spec.name, err, said)
                raise EngineFailed(f"Kernel {self.spec.name!r} did not start; see the grader's log.") from err
            raise

    async def _start(self, seconds: float) -> None:
        self._box = box = await asyncio.to_thread(self._sandbox.prepare, (), Limits(processes=MAX_PROCESSES))
        wire = box.folder / WIRE
        wire.mkdir(mode=0o700)
        path, _ = write_connection_file(
            str(wire / "c"), ip=str(wire / SOCKET), transport="ipc", kernel_name=self.spec.name
        )
        order = {
            **box.order,
            "kernel": True,
            "memory_bytes": _START_BYTES,  # `furnish` sets the limit, beyond what it needs itself
            **({"read_only": [*box.order["read_only"], *self._readable]} if "read_only" in box.order else {}),
            "environment": {"IPYTHONDIR": str(wire / "ipython"), **self.spec.environment},
        }
        self._leash, theirs = socket.socketpair()
        with theirs, (box.folder.parent / "log").open("ab") as said:
            self._keeper = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "nbcoach_grader.kernels.keeper", json.dumps(order), "--"),
                *self.spec.command(Path(path)),
                stdin=theirs.fileno(),
                stdout=said,
                stderr=said,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
                cwd=box.folder,
            )
        self._ended = asyncio.create_task(self._keeper.wait())
        self._sandbox.admit(box, self._keeper.pid)
        self._leash.send(b"s")
        self._client.load_connection_file(path)
        self._client.start_channels(stdin=False, hb=False, control=self.spec.by_message)
        ready = asyncio.create_task(self._ready(seconds))
        try:
            await asyncio.wait({ready, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise RuntimeError(f"it ended with status {self._ended.result()}")
            ready.result()
        finally:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
        shutil.rmtree(wire)

    async def _ready(self, seconds: float) -> None:
        await self._client.wait_for_ready(timeout=seconds)
        if self.spec.by_message:
            asked = self._client.session.msg("kernel_info_request")
            self._client.control_channel.send(asked)
            await self._client.control_channel.get_msg(timeout=seconds)

    async def furnish(self, files: Iterable[DataFile], limits: Limits) -> None:
        """Give a kernel that has run nothing the files of an exercise, and its bound on memory.

        Raises:
            EngineFailed: it has ended, or the files cannot be written.

        """
        if self._box is None or self._keeper is None or not self.usable:
            raise EngineFailed(f"Kernel {self.spec.name!r} has ended.")
        try:
            await asyncio.to_thread(_furnish, self._box.folder, files, self._keeper.pid, limits.memory_mb * 2**20)
        except OSError as err:
            raise EngineFailed(f"Kernel {self.spec.name!r} could not be given its files: {err}") from err

    async def execute(self, source: str, seconds: float) -> Answer:
        """Run code and say what came of it; after `seconds` it is interrupted, and ended if that does not help."""
        if self._lost or not self.usable:
            return Answer(state=self._lost or "crashed")
        start = time.monotonic()
        collected = Collected()
        message = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        listening = asyncio.create_task(self._listen(message, collected))
        watching = asyncio.create_task(self._watch())
        try:
            reply = await self._reply(message, seconds)
            late = reply is None and self.usable and time.monotonic() - start >= seconds
            if late:
                self._interrupt()
                reply = await self._reply(message, GRACE_SECONDS)
            if reply is None:
                self._lost = "timeout" if late else "crashed"
            else:
                collected.hurry = True
                await asyncio.wait({listening}, timeout=GRACE_SECONDS)
            state = self._lost or ("timeout" if late else "")
            return collected.answer(reply, state, time.monotonic() - start)
        finally:
            for task in (listening, watching):
                task.cancel()
            await asyncio.gather(listening, watching, return_exceptions=True)

    async def _reply(self, message: str, seconds: float) -> dict[str, Any] | None:
        """Return the reply to a request, or None if there is none in time or the kernel has ended."""
        assert self._ended is not None
        reply = asyncio.create_task(self._shell(message))
        await asyncio.wait({reply, self._ended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if reply.done():
            return reply.result()
        reply.cancel()
        await asyncio.gather(reply, return_exceptions=True)
        return None

    async def _shell(self, message: str) -> dict[str, Any] | None:
        while True:
            found = await _received(self._client.shell_channel)
            if found is None:
                return None
            if found["parent_header"].get("msg_id") == message and found["msg_type"] == "execute_reply":
                content: dict[str, Any] = found["content"]
                return content

    async def _listen(self, message: str, collected: Collected) -> None:
        """Collect what the kernel says about a request until it is idle again."""
        while True:
            found = await _received(self._client.iopub_channel)
            if found is None:
                await asyncio.Event().wait()  # malformed: it is never idle
            elif found["parent_header"].get("msg_id") == message and collected.add(found["msg_type"], found["content"]):
                return
            if collected.full and not collected.hurry:
                await asyncio.sleep(0.002)  # a flood must not keep the service from others

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):
            if self.spec.by_message:
                self._client.control_channel.send(self._client.session.msg("interrupt_request"))
            elif self._leash is not None:
                self._leash.send(b"i")

    async def _watch(self) -> None:
        """End a kernel that has too many processes or writes too much."""
        while self._keeper is not None and self._box is not None:
            await asyncio.sleep(WATCH_SECONDS)
            many = len(await asyncio.to_thread(descendants, self._keeper.pid)) > MAX_PROCESSES
            if many or await asyncio.to_thread(bytes_below, self._box.folder) > MAX_BYTES:
                log.warning("A kernel was ended: it %s", "forked too much" if many else "wrote too much")
                self._lost = "crashed"
                self._drop()

    def _drop(self) -> None:
        """Let go of the leash: the keeper ends everything."""
        leash, self._leash = self._leash, None
        if leash is not None:
            with contextlib.suppress(OSError):
                leash.send(b"e")
            leash.close()

    async def discard(self) -> None:
        """End every process of the kernel and remove its box; idempotent."""
        self._lost = self._lost or "crashed"
        self._drop()
        self._client.stop_channels()
        if self._keeper is not None and self._ended is not None:
            if not (await asyncio.wait({self._ended}, timeout=END_SECONDS))[0]:
                log.error("A kernel's keeper had to be killed")
                self._keeper.kill()
            await self._ended
        box, self._box = self._box, None
        if box is not None:
            await asyncio.to_thread(self._sandbox.discard, box)

    def _log_tail(self) -> str:
        if self._box is None:
            return ""
        with contextlib.suppress(OSError):
            return (self._box.folder.parent / "log").read_bytes()[-1000:].decode("utf-8", "replace")
        return ""


async def _received(channel: Any) -> dict[str, Any] | None:
    """Return the next message of a channel, or None if it is none that could be read."""
    while True:
        try:
            found: dict[str, Any] = await channel.get_msg(timeout=60)
        except Empty:
            continue
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None
        whole = isinstance(found.get("parent_header"), dict) and isinstance(found.get("content"), dict)
        return found if whole else None


def _furnish(folder: Path, files: Iterable[DataFile], keeper: int, memory_bytes: int) -> None:
    owner = folder.stat()  # a box may have a user id of its own
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
    for made in folder.rglob("*"):
        os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)
    for pid in descendants(keeper):
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        with contextlib.suppress(PermissionError):  # the namespace's first process: it runs nothing of a learner
            resource.prlimit(pid, resource.RLIMIT_AS, (used + memory_bytes, used + memory_bytes))
