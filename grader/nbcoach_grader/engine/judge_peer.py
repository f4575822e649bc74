"""The judge's end of the line: asks for learner objects, answers callbacks, and takes no word for granted."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
import types
from typing import Any

from ..errors import ProtocolError, Undecodable
from .peer import DATA_TYPE_MODULES, Peer, importable_name
from .proxy import DUNDERS


class JudgePeer(Peer):
    """The judge's end: asks for learner objects, answers callbacks."""

    strict = True

    def perform(self, operation: str, arguments: list[Any]) -> object:
        """Serve an exported callback or test double; everything that could lead to a test's source is refused."""
        if operation == "input":
            asked = builtins.input
            if isinstance(asked, types.BuiltinFunctionType):
                raise EOFError("This check does not answer input().")
            return asked(*[str(a) for a in self._decode(arguments[0])][:1])
        thing = self.exported(arguments[0])
        if operation == "call":
            args, kwargs = self._decode(arguments[1])
            return thing(*args, **kwargs), args
        if operation == "typename":
            return type(thing).__name__
        name = arguments[1] if len(arguments) > 1 else None
        if not isinstance(name, str):
            raise ProtocolError("No such operation.")
        if operation == "dunder" and name in DUNDERS and name not in ("__getattribute__", "__reduce__"):
            return getattr(type(thing), name)(thing, *self._decode(arguments[2]))
        if name.startswith("_") or isinstance(thing, (types.FunctionType, types.MethodType, types.ModuleType)):
            raise AttributeError(name)
        if operation == "attribute":
            return getattr(thing, name)
        if operation == "set-attribute":
            setattr(thing, name, self._decode(arguments[2]))
            return None
        raise ProtocolError(f"Unknown operation {operation!r}.")

    def library_name(self, value: object) -> tuple[str, str] | None:
        """Send library functions and types by name; the learner's side has the same libraries."""
        return importable_name(value)

    def find_module(self, name: str) -> types.ModuleType:
        """Return the judge's own module, if it is loaded or belongs to the standard library."""
        if name in sys.modules:
            return sys.modules[name]
        if name.partition(".")[0] in sys.stdlib_module_names:
            with contextlib.suppress(ImportError):
                return importlib.import_module(name)
        raise Undecodable(f"Module {name[:100]!r} is not known to the checks.")

    def find_library(self, module: str, name: str) -> object:
        """Return a plain data type or a library's exception; functions stay on the learner's side."""
        root = module.partition(".")[0]
        found = getattr(sys.modules.get(module), name, None) if not root.startswith("nbcoach") else None
        if isinstance(found, type) and (root in DATA_TYPE_MODULES or issubclass(found, BaseException)):
            return found
        raise Undecodable(f"{module[:100]}.{name[:100]} is not accepted.")
