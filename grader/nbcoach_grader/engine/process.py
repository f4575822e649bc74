"""A handle on a forked process: orders go to it, answers come back, and it can be late or gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import EngineFailed, ProtocolError
from . import framing

READY_SECONDS = 60.0
ORDER_SECONDS = 20.0
FORK_SECONDS = 3.0
DISCARD_SECONDS = 3.0
_READ_BYTES = 4096
_CREDENTIALS = struct.Struct("3i")


class ProcessGone(Exception):
    """The process ended, or broke the protocol, before it answered."""


class ProcessLate(Exception):
    """The process did not answer in time; it can no longer be used."""


class OrderRefused(EngineFailed):
    """A process could not do what it was told; `reason` is its own word, so it is for nobody but the log."""

    def __init__(self, order: str, reason: str) -> None:
        super().__init__(f"The order {order!r} could not be carried out.")
        self.reason = reason


class _Exchange:
    """An order and its answers; `whole` when no more of it will come."""

    def __init__(self) -> None:
        self.whole = False

    def answer(self, order: str, answer: Any, *, left: int) -> dict[str, Any]:
        """Return an answer after which so many are left.

        Raises:
            ProcessGone: it is nonsense.
            OrderRefused: it says that the order could not be carried out.

        """
        if not isinstance(answer, dict):
            raise ProcessGone
        self.whole = left == 0 or "failed" in answer
        if "failed" in answer:
            raise OrderRefused(order, str(answer["failed"])[:200])
        return answer


class Process:
    """One forked process.

    Args:
        control: the service's end of its control socket.
        pid: its process id, as its parent said; to be trusted only of children of a fork server.

    `host_pid` is the process id in the service's own table, as the kernel says, for the first process of a box;
    `threaded` whether threads run in it that no fork would have, as it says itself.

    """

    def __init__(self, control: socket.socket, pid: int = 0) -> None:
        control.setblocking(False)
        self._control = control
        self._lock = asyncio.Lock()
        self.pid = self.host_pid = pid
        self.usable = True
        self.threaded = False
        self._handle: int | None = None
        self._unread = bytearray()
        self._busy = False
        self._closing = False

    async def order(self, order: str, fds: Sequence[int] = (), wait: float = ORDER_SECONDS, **arguments: Any) -> Any:
        """Give an order and return the answer.

        Args:
            order: one that `worker` knows.
            fds: descriptors to send along; they stay open here.
            wait: seconds to wait for the answer.
            arguments: the order's own.

        Raises:
            ProcessGone: the process ended or answered nonsense.
            ProcessLate: it did not answer in time.
            OrderRefused: it says that the order could not be carried out.

        """
        async with self._lock:
            with self._asking() as exchange:
                async with asyncio.timeout(wait):
                    await self._send({"order": order, **arguments}, fds)
                    return exchange.answer(order, await self._receive(), left=0)

    async def answers(
        self, order: str, count: int, fds: Sequence[int] = (), *, wait: Callable[[], float], **arguments: Any
    ) -> AsyncGenerator[Any, None]:
        """Give an order and yield its answers as they come.

        Args:
            order: one that `worker` knows.
            count: how many answers there will be.
            fds: descriptors to send along; they stay open here.
            wait: says before each answer how many seconds to wait for it.
            arguments: the order's own.

        Raises:
            ProcessGone: the process ended or answered nonsense.
            ProcessLate: it did not answer in time.
            OrderRefused: it says that the order could not be carried out.

        """
        async with self._lock:
            with self._asking() as exchange:
                async with asyncio.timeout(wait()):
                    await self._send({"order": order, **arguments}, fds)
                for left in reversed(range(count)):
                    async with asyncio.timeout(wait()):
                        answer = await self._receive()
                    yield exchange.answer(order, answer, left=left)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[_Exchange]:
        """Be busy, and unusable after anything but a whole exchange: who knows what would be read next."""
        if not self.usable:
            raise ProcessGone
        exchange = _Exchange()
        self._busy = True
        try:
            yield exchange
        except TimeoutError as err:
            raise ProcessLate from err
        except (OSError, EOFError, ProtocolError) as err:
            raise ProcessGone from err
        finally:
            self._busy = False
            self.usable = self.usable and exchange.whole
            if self._closing:
                self._control.close()

    async def tell(self, order: str, fds: Sequence[int] = (), **arguments: Any) -> None:
        """Give a last order that is never answered.

        Raises:
            ProcessGone: the process has ended.

        """
        self.usable = False
        try:
            await self._send({"order": order, **arguments}, fds)
        except OSError as err:
            raise ProcessGone from err

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send what is no order.

        Raises:
            ProcessGone: the process has ended.

        """
        try:
            await self._send(message, ())
        except OSError as err:
            raise ProcessGone from err

    async def fork(self, birth: Mapping[str, Any] | None = None) -> Process:
        """Return a child that stands where this process stands.

        Args:
            birth: how a box wants its first process born.

        Raises:
            ProcessGone: this process, or the child, does not do it.

        """
        ours, theirs = socket.socketpair()
        child = Process(ours)
        try:
            if birth:
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            with theirs:
                answer = await self.order("fork", [theirs.fileno()], wait=FORK_SECONDS, birth=dict(birth or {}))
            child.pid = child.host_pid = answer["pid"] if isinstance(answer.get("pid"), int) else 0
            if birth:
                child.host_pid = await child._sender(FORK_SECONDS)
            await child.hello(FORK_SECONDS)
        except (ProcessLate, OrderRefused) as err:
            child.close()
            raise ProcessGone from err
        except BaseException:
            child.close()
            raise
        return child

    async def discard(self, child: Process, *, ending: float = 0.0) -> bool:
        """Kill a child of this fork server with all that descends from it; False if some are left after 3 seconds.

        Args:
            child: the child, which is watched.
            ending: seconds to wait for one that is about to end by itself.

        Raises:
            ProcessGone: this process has ended; likewise `ProcessLate`.
            OrderRefused: it is no child of this one.

        """
        end = time.monotonic() + DISCARD_SECONDS
        pause = 0.002
        if ending:
            await child.ended(ending)
        while "pending" in await self.order("discard", pid=child.pid):
            if time.monotonic() > end or not await child.ended(DISCARD_SECONDS):
                return False
            if "pending" not in await self.order("discard", pid=child.pid):
                break
            await asyncio.sleep(pause)  # for what it has left behind
            pause = min(2 * pause, 0.05)
        return True

    async def hello(self, seconds: float = READY_SECONDS) -> None:
        """Wait for the first message of a new process.

        Raises:
            ProcessGone: none has come.

        """
        try:
            async with asyncio.timeout(seconds):
                await self._receive()
        except (OSError, EOFError, ProtocolError, TimeoutError) as err:
            self.close()
            raise ProcessGone from err

    async def _sender(self, seconds: float) -> int:
        """Return who sends the first message, in this process's own table of processes; it stays unread.

        Raises:
            ProcessGone: nobody does.

        """
        try:
            async with asyncio.timeout(seconds):
                await _readable(self._control.fileno())
            told = self._control.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_PEEK)[1]
            self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            return int(_CREDENTIALS.unpack(told[0][2])[0])
        except (OSError, TimeoutError, IndexError, struct.error) as err:
            raise ProcessGone from err

    def watch(self) -> None:
        """Keep hold of the process itself, whose id another may get; to be let go by `forget`."""
        with contextlib.suppress(OSError, AttributeError):
            self._handle = os.pidfd_open(self.host_pid)

    def forget(self) -> None:
        """Let go of the process; idempotent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    async def ended(self, seconds: float) -> bool:
        """Wait for the end of a process that is watched; False if it lives on."""
        if self._handle is None:
            return True
        try:
            async with asyncio.timeout(seconds):
                await _readable(self._handle)
        except TimeoutError:
            return False
        return True

    def kill_group(self) -> None:
        """Kill the process group that a watched process leads, if it is still that process."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._handle, 0)
                os.killpg(self.host_pid, signal.SIGKILL)

    def dismiss(self) -> None:
        """Give no more orders: the process ends by itself, and `gone` can tell when."""
        self.usable = False
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    async def gone(self, seconds: float) -> bool:
        """Wait until the process and all who hold its socket have ended; False if some have not."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                while await loop.sock_recv(self._control, 65536):
                    pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        """Close the control socket; the process ends by itself.

        While an order waits for its answer the socket is only shut down: the event loop would go on
        listening at a closed descriptor, which the next socket may get.
        """
        self.usable = False
        if self._busy:
            self._closing = True
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
        else:
            self._control.close()

    async def _send(self, message: Any, fds: Sequence[int]) -> None:
        frame = framing.pack(message)
        if fds:
            sent = socket.send_fds(self._control, [frame[:1]], list(fds))
            frame = frame[sent:]
        await asyncio.get_running_loop().sock_sendall(self._control, frame)

    async def _receive(self) -> Any:
        header = await self._exactly(4)
        return framing.unpack(await self._exactly(framing.body_length(header, framing.MAX_REPORT)))

    async def _exactly(self, count: int) -> bytes:
        loop = asyncio.get_running_loop()
        while len(self._unread) < count:
            part = await loop.sock_recv(self._control, min(max(count - len(self._unread), _READ_BYTES), 2**20))
            if not part:
                raise EOFError
            self._unread += part
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken


async def _readable(descriptor: int) -> None:
    """Wait until something can be read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
