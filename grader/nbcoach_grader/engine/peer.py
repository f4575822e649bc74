"""One end of the line between a subject and a judge: ask, and answer while waiting.

Theory of operation. The line is a socket with frames. A frame is a request
`[REQUEST, operation, …]`, a return `[RETURN, value, output]` or a raised exception
`[RAISED, class, arguments, output]`. Who waits for an answer serves the other side's
requests meanwhile, so a callback that a test passes to learner code works. Each end keeps a
table of what it exported; the other end can name nothing else. The judge's end
(`JudgePeer`) serves calls of exported callbacks and their public attributes, nothing more:
no name, no source, no underscore. The subject's end serves whatever is asked, as everything
there is the learner's own.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import socket
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from ..errors import FrameTooLarge, ProtocolError, Undecodable
from . import framing
from .codec import BY_VALUE, Decoder, Encoder
from .identities import Identities
from .proxy import DUNDERS, is_proxy, make_proxy, oid_of
from .turns import Turns
from .writeback import write_back

MAX_OUTPUT = 64 * 1024
MAX_EXPORTS = 100_000
STATEFUL_MODULES = frozenset({"matplotlib.pyplot", "pylab", "matplotlib.pylab"})
"""Modules whose state is the learner's work: asked for in the subject, never the judge's own."""

DATA_TYPE_MODULES = frozenset(
    {"builtins", "collections", "datetime", "decimal", "fractions", "numbers", "numpy", "pandas", "pathlib", "uuid"}
)
_MUTABLE = (list, dict, set, bytearray, np.ndarray)
LATE = "The code did not finish in time."


class Frame(IntEnum):
    """First item of a frame."""

    RETURN = 0
    RAISED = 1
    REQUEST = 2


class LineBroken(BaseException):
    """The other side has gone, is late, or broke the protocol; no test may swallow this unnoticed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        """`timeout`, `crashed` or `violation`"""


class BoundedText(io.StringIO):
    """Text that keeps its first 64 KiB and drops the rest."""

    def write(self, text: str) -> int:
        """Append what still fits."""
        room = MAX_OUTPUT - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


class Peer:
    """An end of the line.

    Args:
        sock: a connected blocking socket.

    """

    strict = False
    """Whether the other side's word on comparisons is not taken (see `proxy`)."""

    own_methods: frozenset[str] = frozenset()
    """Methods of the author's own classes: only these may compare (see `proxy`)."""

    by_value = BY_VALUE

    most_asked = most_taken = framing.MAX_FRAME
    """Bytes that a request of this side may have, and what comes from the other side."""

    unanswered: tuple[type[BaseException], ...] = (LineBroken,)
    """What ends this side, instead of being told to the other one."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.deadline: float | None = None
        self.broken: LineBroken | None = None
        self._turns = Turns(first=self.strict)
        self._exports: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._next = itertools.count(1)
        self._proxies: dict[int, object] = {}
        identities = Identities()
        self.number, self.met = identities.number, identities.met

    def may_ask(self, name: str) -> bool:
        """Tell whether an object of the other side may be asked for an attribute."""
        return True

    def same(self, oid: int, thing: object) -> bool:
        """Tell whether an object of the other side is said to be a class or function that this side has too."""
        return False

    # -- asking ---------------------------------------------------------------------------

    def request(self, operation: str, *arguments: Any) -> Any:
        """Ask the other side and return the value it answers.

        Raises:
            LineBroken: it has gone, is late, or answers nonsense.
            BaseException: what the operation raised on the other side.

        """
        try:
            self._turns.take()
        except EOFError:
            raise self.broken or LineBroken("crashed", "The check has ended.") from None
        try:
            self._send([Frame.REQUEST, operation, *arguments], self.most_asked)
            while True:
                frame = self._receive()
                if frame[0] == Frame.REQUEST:
                    with self._breaking():
                        self._serve_one(frame[1:])
                    continue
                self._forward(frame[-1])
                if frame[0] == Frame.RETURN:
                    return self._decode(frame[1])
                raise self._exception(frame[1], frame[2])
        finally:
            self._turns.leave()

    def call(self, oid: int, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call an object of the other side; mutable arguments come back changed, identity kept."""
        answer = self.request("call", oid, self.encode((list(args), kwargs)))
        if type(answer) is not tuple or len(answer) != 2 or len(answer[1]) != len(args):
            raise self._break("violation", "An answer is malformed.")
        result, changed = answer
        for before, after in zip(args, changed, strict=True):
            if type(before) in _MUTABLE or type(before).__name__ in ("DataFrame", "Series"):
                write_back(before, after)
                if result is after:
                    result = before
        return result

    def encode(self, value: object) -> Any:
        """Encode one transfer.

        Raises:
            RuntimeError: it is too deep or too large; a `ValueError` could be what a test expects.

        """
        try:
            return Encoder(self).encode(value)
        except ProtocolError as err:
            raise RuntimeError(str(err)) from err

    # -- answering ------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer requests until the other side goes."""
        while True:
            try:
                frame = framing.receive(self.sock, limit=self.most_taken)
            except (EOFError, OSError):
                self._turns.end()
                return
            self._serve_one(frame[1:])

    def perform(self, operation: str, arguments: list[Any]) -> object:
        """Carry out a request; subclasses say which."""
        raise ProtocolError(f"Unknown operation {operation!r}.")

    def _serve_one(self, request: list[Any]) -> None:
        output = BoundedText()
        self._turns.open()
        try:
            with self._listening(output):
                value = self.perform(str(request[0]), request[1:])
                answer = [Frame.RETURN, self.encode(value), output.getvalue()]
        except self.unanswered:
            raise
        except ProtocolError as err:  # as a ValueError it could be what a test expects
            answer = self._refusal(err, output)
        except BaseException as err:
            answer = [Frame.RAISED, self.encode(type(err)), self._arguments(err), output.getvalue()]
        self._turns.close()
        try:
            self._send(answer)
        except FrameTooLarge as err:
            self._send(self._refusal(err, output))

    def _refusal(self, err: ProtocolError, output: io.StringIO) -> list[Any]:
        return [Frame.RAISED, self.encode(RuntimeError), self.encode([str(err)]), output.getvalue()]

    def _arguments(self, err: BaseException) -> Any:
        try:
            return self.encode(self.told(err))
        except BaseException:
            return self.encode([str(type(err).__name__)])

    def told(self, err: BaseException) -> list[Any]:
        """Return what the other side may know of an exception beside its class."""
        return list(err.args)

    def _listening(self, output: io.StringIO) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def _forward(self, output: Any) -> None:
        if isinstance(output, str) and output:
            sys.stdout.write(output[:MAX_OUTPUT])

    # -- references -----------------------------------------------------------------------

    def export(self, value: object, encode: Callable[[object], Any]) -> list[Any]:
        """Return the payload for something that is not data."""
        if is_proxy(value):
            return ["yours", oid_of(value)]
        own = getattr(value, "_nbcoach_oid", None) if isinstance(value, type) else None
        if own is not None:
            return ["yours", own]
        if isinstance(value, types.ModuleType) and self.shares_module(value.__name__):
            return ["module", value.__name__]
        where = self.library_name(value)
        if where is not None:
            return ["global", *where]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["exception", self._number(value), value.__name__[:200], encode(_exception_base(value))]
        kind = type(value)
        special = [name for name in DUNDERS if callable(getattr(kind, name, None))]
        payload = ["object", self._number(value), kind.__name__[:200], special, isinstance(value, type)]
        return payload + self.own_name(value)

    def resolve(self, payload: Sequence[Any], decode: Callable[[Any], object]) -> object:
        """Return what a payload stands for."""
        form, rest = payload[0], payload[1:]
        if form == "yours":
            return self._exports[rest[0]]
        if form == "module":
            return self.find_module(str(rest[0]))
        if form == "global":
            return self.find_library(str(rest[0]), str(rest[1]))
        number = rest[0]
        if type(number) is not int:
            raise Undecodable("A reference has no number.")
        if number in self._proxies:
            return self._proxies[number]
        if len(self._proxies) >= MAX_EXPORTS:
            raise Undecodable("Too many objects.")
        if form == "exception":
            base = decode(rest[2])
            if not (isinstance(base, type) and issubclass(base, BaseException)):
                raise Undecodable("An exception has no base.")
            found: object = type(str(rest[1])[:200], (base,), {"_nbcoach_oid": number, "__module__": "__main__"})
        elif form == "object":
            found = make_proxy(self, number, str(rest[1])[:200], [d for d in rest[2] if d in DUNDERS], bool(rest[3]))
        else:
            raise Undecodable("A reference is of no known form.")
        self._proxies[number] = found
        return found

    def own_name(self, value: object) -> list[str]:
        """Return the name by which the other side may have a function or class of its own, if there is one."""
        return []

    def shares_module(self, name: str) -> bool:
        """Tell whether a module is the same on both sides."""
        return True

    def library_name(self, value: object) -> tuple[str, str] | None:
        """Return module and name of something that the other side has too; None keeps it here."""
        return None

    def find_module(self, name: str) -> types.ModuleType:
        """Return a module that the other side named."""
        raise Undecodable(f"Module {name[:100]!r} is not accepted.")

    def find_library(self, module: str, name: str) -> object:
        """Return a library object that the other side named."""
        raise Undecodable(f"{module[:100]}.{name[:100]} is not accepted.")

    def exported(self, number: Any) -> Any:
        """Return an exported object by its number."""
        try:
            return self._exports[number]
        except (KeyError, TypeError):
            raise ProtocolError("No such object.") from None

    def _number(self, value: object) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number = next(self._next)
            self._exports[number] = value
            self._numbers[id(value)] = number
        return number

    # -- the line -------------------------------------------------------------------------

    def _decode(self, node: Any) -> Any:
        with self._breaking():
            return Decoder(self).decode(node)

    def _exception(self, kind: Any, arguments: Any) -> BaseException:
        cls, args = self._decode(kind), self._decode(arguments)
        if not (isinstance(cls, type) and issubclass(cls, BaseException)) or type(args) is not list:
            raise self._break("violation", "An exception is malformed.")
        try:
            return cls(*args)
        except Exception:
            raised: BaseException = cls.__new__(cls)
            raised.args = tuple(args)
            return raised

    def _send(self, frame: list[Any], limit: int = framing.MAX_FRAME) -> None:
        if self.broken:
            raise self.broken
        packed = framing.pack(frame, limit)
        with self._breaking():
            framing.arm(self.sock, self.deadline)
            self.sock.sendall(packed)

    def _receive(self) -> list[Any]:
        with self._breaking():
            framing.arm(self.sock, self.deadline)
            frame = framing.receive(self.sock, self.deadline, self.most_taken)
        sizes = {Frame.RETURN: (3, 3), Frame.RAISED: (4, 4), Frame.REQUEST: (2, 8)}
        if not isinstance(frame, list) or not frame or frame[0] not in list(Frame):
            raise self._break("violation", "An answer is malformed.")
        low, high = sizes[Frame(frame[0])]
        if not low <= len(frame) <= high:
            raise self._break("violation", "An answer is malformed.")
        return frame

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Give the line up after anything that leaves a frame half sent or half read."""
        try:
            yield
        except LineBroken:
            raise
        except ProtocolError as err:
            raise self._break("violation", str(err)) from err
        except (EOFError, ConnectionError) as err:
            raise self._break("crashed", "The process that ran the code ended.") from err
        except OSError as err:
            late = isinstance(err, TimeoutError)
            reason, text = ("timeout", LATE) if late else ("crashed", "The process that ran the code ended.")
            raise self._break(reason, text) from err
        except BaseException as err:  # an alarm rang while the other side kept us waiting
            raise self._break("timeout", LATE) from err

    def _break(self, reason: str, message: str) -> LineBroken:
        self.broken = self.broken or LineBroken(reason, message)
        self._turns.end()
        return self.broken


def importable_name(value: object) -> tuple[str, str] | None:
    """Return module and qualified name under which a library's function or type can be imported."""
    if isinstance(value, np.ufunc):
        ufunc = str(value.__name__)
        return ("numpy", ufunc) if getattr(np, ufunc, None) is value else None
    if not isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__" or "<" in name:
        return None
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None) if found is not None else None
    return (module, name) if found is value else None


def _exception_base(value: type[BaseException]) -> type[BaseException]:
    """Return the base that stands for an exception class on the other side."""
    return next((base for base in value.__bases__ if issubclass(base, BaseException)), Exception)
