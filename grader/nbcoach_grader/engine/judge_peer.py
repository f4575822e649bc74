"""The judge's end of the line: asks for learner objects, answers callbacks, and takes no word for granted."""

from __future__ import annotations

import builtins
import functools
import socket
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..errors import ProtocolError, Undecodable
from .framing import MAX_GIVEN
from .peer import DATA_TYPE_MODULES, LineBroken, Peer, importable_name
from .proxy import DUNDERS, is_proxy

_OURS = "nbcoach_"
_NO_ATTRIBUTES = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.ModuleType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    functools.partial,
    functools.partialmethod,
    property,
    staticmethod,
    classmethod,
)
"""Whose public attributes lead to code or to what a test keeps to itself."""

_AS_TEXT = frozenset({"__repr__", "__str__", "__format__"})
_GENERATOR_VERBS = frozenset({"send", "throw", "close"})

_LASTING = frozenset({"set-name", "delete-name", "set-attribute", "dunder", "module", "seed"})
"""Requests after which a learner's process may not be what it was, whatever his functions do."""

_NEVER_EXPORTED = (types.FrameType, types.CodeType, types.TracebackType, types.CellType, types.MappingProxyType)
"""What never gets a number that the learner's side could name, by whatever way it was reached."""


_ABSTRACT = frozenset({"_collections_abc", "abc", "typing"})
_FORMS: dict[object, str] = {kind: name for name, kind in vars(types).items() if type(kind) is type}
"""Functions, generators and the like, which have no importable name of their own."""


class TestTooSlow(BaseException):
    """The author's own test code used up the time."""

    __test__ = False


class JudgePeer(Peer):
    """The judge's end: asks for learner objects, answers callbacks."""

    strict = True
    most_asked = MAX_GIVEN
    unanswered = (LineBroken, TestTooSlow)
    raised: BaseException | None = None
    """The last exception that came from the learner's side."""

    attributes_asked: set[str]
    """Public attributes that tests asked of learner objects; the reference's run tells which to allow."""

    own_things: Mapping[str, object] = MappingProxyType({})
    """Functions and classes that the author's own cells defined, by name."""

    allowed: frozenset[str] | None = None
    """Attributes that a learner's object may be asked for; None allows all."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.attributes_asked = set()
        self.left_traces = False

    def request(self, operation: str, *arguments: Any) -> Any:
        """Ask the learner's side, and note what may last there."""
        self.left_traces = self.left_traces or operation in _LASTING
        return super().request(operation, *arguments)

    def may_ask(self, name: str) -> bool:
        """Tell whether a test may ask a learner's object for an attribute, and note that it did.

        Where the reference gave data, a learner's object with methods of its own would vouch for itself.
        """
        if name.startswith("__"):
            return True
        if self.allowed is not None and name not in self.allowed:
            return False
        self.attributes_asked.add(name)
        return True

    def place_of(self, thing: Any) -> tuple[str, str] | None:
        """Return where the learner's side has a class or function, if its word on it may be taken."""
        if thing in self.by_value:
            return None
        if thing in _FORMS:
            return ("types", _FORMS[thing])
        module = str(thing.__module__)
        if module.partition(".")[0] in DATA_TYPE_MODULES or module in _ABSTRACT:
            return None
        return (module, str(thing.__qualname__)) if module == "__main__" else importable_name(thing)

    def same(self, oid: int, thing: object) -> bool:
        """Tell whether an object of the learner's side is said to be a class or function that the judge has too."""
        place = self.place_of(thing) if isinstance(thing, (type, types.FunctionType)) else None
        if place is None or place[0] == "__main__":  # the author's own come back as themselves, see `resolve`
            return False
        return self.request("is-same", oid, *place) is True

    def perform(self, operation: str, arguments: list[Any]) -> object:
        """Serve an exported callback or test double; everything that could lead to a test's source is refused."""
        if operation == "input":
            asked = builtins.input
            if isinstance(asked, types.BuiltinFunctionType):
                raise EOFError("This check does not answer input().")
            return asked(*[str(a) for a in self._decode(arguments[0])][:1])
        thing: Any = self.exported(arguments[0]) if arguments else None
        if operation == "call":
            args, kwargs = self._decode(arguments[1])
            return thing(*args, **kwargs), args
        if operation == "typename":
            return type(thing).__name__
        name = arguments[1] if len(arguments) > 1 else None
        if not isinstance(name, str):
            raise ProtocolError("No such operation.")
        if operation == "dunder" and name in _AS_TEXT and isinstance(thing, _NO_ATTRIBUTES):
            return f"<{type(thing).__name__}>"
        if operation == "dunder" and name in DUNDERS:
            return getattr(type(thing), name)(thing, *self._decode(arguments[2]))
        if name.startswith("_") or (isinstance(thing, _NO_ATTRIBUTES) and name not in _GENERATOR_VERBS):
            raise AttributeError(name)
        if operation == "attribute":
            return getattr(thing, name)
        if operation == "set-attribute":
            setattr(thing, name, self._decode(arguments[2]))
            return None
        raise ProtocolError(f"Unknown operation {operation[:100]!r}.")

    def _exception(self, kind: Any, arguments: Any) -> BaseException:
        self.raised = super()._exception(kind, arguments)
        return self.raised

    def export(self, value: object, encode: Callable[[object], Any]) -> list[Any]:
        """Return the payload for a callback or a test double; never for a way into the judge itself."""
        kind = type(value)  # `isinstance` would ask a proxy for its class
        if not is_proxy(value) and (issubclass(kind, _NEVER_EXPORTED) or str(kind.__module__).startswith(_OURS)):
            raise Undecodable(f"A {kind.__name__} stays with the checks.")
        return super().export(value, encode)

    def resolve(self, payload: Sequence[Any], decode: Callable[[Any], object]) -> object:
        """Return what a payload stands for: the judge's own, where it is said to be the author's function or class.

        Learners have those too, so the word of one that he gave it back can be taken.
        """
        if payload[0] == "object" and len(payload) > 5 and type(payload[5]) is str and payload[5] in self.own_things:
            return self.own_things[payload[5]]
        return super().resolve(payload, decode)

    def told(self, err: BaseException) -> list[Any]:
        """Keep the words of a failed assertion: they hold what was expected."""
        return [] if isinstance(err, AssertionError) else super().told(err)

    def library_name(self, value: object) -> tuple[str, str] | None:
        """Send library functions and types by name; the learner's side has the same libraries."""
        return importable_name(value)

    def find_module(self, name: str) -> types.ModuleType:
        """Return a module that the judge has loaded, and that is none of ours."""
        if name in sys.modules and name != "__main__" and not name.startswith(_OURS):
            return sys.modules[name]
        raise Undecodable(f"Module {name[:100]!r} is not known to the checks.")

    def find_library(self, module: str, name: str) -> object:
        """Return a plain data type or a library's exception; functions stay on the learner's side."""
        root = module.partition(".")[0]
        found = getattr(sys.modules.get(module), name, None) if not root.startswith(_OURS) else None
        if isinstance(found, type) and (root in DATA_TYPE_MODULES or issubclass(found, BaseException)):
            return found
        raise Undecodable(f"{module[:100]}.{name[:100]} is not accepted.")
