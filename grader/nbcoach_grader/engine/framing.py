"""Frames on a stream socket: four bytes of length, then msgpack; descriptors ride on the length."""

from __future__ import annotations

import array
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import msgpack

from ..errors import FrameTooLarge, ProtocolError

MAX_FRAME = 16 * 1024 * 1024
MAX_GIVEN = 256 * 1024 * 1024
"""Largest message with what an author's test passes to the learner's code: it is the author's own, and his to bound."""
MAX_REPORT = 1024 * 1024
"""Largest answer that the service takes from a forked process."""

_HEADER = struct.Struct(">I")
HEADER_BYTES = _HEADER.size
_PART = 1024 * 1024
"""Most bytes that are read at once, as room for all that is asked for is made each time."""


def pack(message: Any, limit: int = MAX_FRAME) -> bytes:
    """Return a message as a frame.

    Raises:
        FrameTooLarge: it exceeds `limit` bytes.

    """
    try:
        body: bytes = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogatepass")
    except OverflowError as err:
        raise FrameTooLarge("A message holds a number that is too large.") from err
    if len(body) > limit:
        raise FrameTooLarge(f"A message of {len(body)} bytes exceeds {limit}.")
    return _HEADER.pack(len(body)) + body


def body_length(header: bytes | bytearray, limit: int = MAX_FRAME) -> int:
    """Return the length that a header announces.

    Raises:
        FrameTooLarge: it announces more than `limit` bytes.

    """
    length: int = _HEADER.unpack(header)[0]
    if length > limit:
        raise FrameTooLarge(f"A message of {length} bytes exceeds {limit}.")
    return length


def unpack(body: bytes | bytearray) -> Any:
    """Return the message in a frame's body.

    Raises:
        ProtocolError: it is no msgpack, or nested too deeply.

    """
    try:
        return msgpack.unpackb(body, raw=False, strict_map_key=False, unicode_errors="surrogatepass")
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as err:
        raise ProtocolError(f"Not a message: {type(err).__name__}") from err


def send(sock: socket.socket, message: Any, fds: Sequence[int] = ()) -> None:
    """Send a message, and descriptors with it, on a blocking socket."""
    frame = pack(message)
    if fds:
        sent = sock.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        frame = frame[sent:]
    sock.sendall(frame)


def receive(sock: socket.socket, deadline: float | None = None, limit: int = MAX_FRAME) -> Any:
    """Receive a message from a blocking socket.

    Args:
        sock: the socket.
        deadline: when, on the monotonic clock, the whole message must have come, however it trickles in.
        limit: bytes that it may have.

    Raises:
        EOFError: the other side has gone.
        TimeoutError: the deadline has passed.
        ProtocolError: it sent something else.

    """
    return unpack(_exactly(sock, body_length(_exactly(sock, _HEADER.size, deadline), limit), deadline))


def arm(sock: socket.socket, deadline: float | None) -> None:
    """Let the next call on a socket wait until `deadline`, for ever where there is none.

    Raises:
        TimeoutError: it has passed.

    """
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def receive_with_fds(sock: socket.socket) -> tuple[Any, list[int]]:
    """Receive a message and up to four descriptors from a blocking socket."""
    fds = array.array("i")
    header, ancillary, _, _ = sock.recvmsg(_HEADER.size, socket.CMSG_SPACE(4 * fds.itemsize), socket.MSG_CMSG_CLOEXEC)
    if not header:
        raise EOFError
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    header += _exactly(sock, _HEADER.size - len(header))
    return unpack(_exactly(sock, body_length(header))), list(fds)


def _exactly(sock: socket.socket, count: int, deadline: float | None = None) -> bytearray:
    data = bytearray()
    while len(data) < count:
        if deadline is not None:
            arm(sock, deadline)
        part = sock.recv(min(count - len(data), _PART))
        if not part:
            raise EOFError
        data += part
    return data
