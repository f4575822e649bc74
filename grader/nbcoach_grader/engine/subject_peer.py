"""The subject's end of the line: serves the learner's names and objects to the judge."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import random
import resource
import socket
import types
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ProtocolError
from .framing import MAX_GIVEN
from .names import SHELL_NAMES
from .peer import DATA_TYPE_MODULES, STATEFUL_MODULES, Peer, importable_name
from .steadiness import steady
from .trace import trace_of
from .writeback import copy_of, same

MAX_FILE = 8 * 2**20
"""Largest file in bytes that a test may read from the learner's folder."""


class SubjectPeer(Peer):
    """The subject's end: serves the learner's names and objects.

    Args:
        sock: the line.
        namespace: the learner's globals.

    """

    most_taken = MAX_GIVEN

    def __init__(self, sock: socket.socket, namespace: MutableMapping[str, Any]) -> None:
        super().__init__(sock)
        self._namespace = namespace
        self._trace: types.TracebackType | None = None
        self._before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def told(self, err: BaseException) -> list[Any]:
        """Tell the arguments of an exception, and remember where it came from."""
        self._trace = err.__traceback__
        return super().told(err)

    def perform(self, operation: str, arguments: list[Any]) -> object:
        """Serve any request of the judge."""
        served: Callable[..., object] | None = getattr(self, "_do_" + operation.replace("-", "_"), None)
        if served is None:
            raise ProtocolError(f"Unknown operation {operation!r}.")
        return served(*arguments)

    def _listening(self, output: io.StringIO) -> contextlib.AbstractContextManager[Any]:
        return contextlib.redirect_stdout(output)

    def shares_module(self, name: str) -> bool:
        """Keep modules with learner-made state on this side."""
        return name not in STATEFUL_MODULES and name != "__main__"

    def library_name(self, value: object) -> tuple[str, str] | None:
        """Name plain data types and library exceptions; everything else is served from here."""
        if isinstance(value, type):
            data = str(value.__module__).partition(".")[0] in DATA_TYPE_MODULES
            if data or issubclass(value, BaseException):
                return importable_name(value)
        return None

    def own_name(self, value: object) -> list[str]:
        """Name functions and classes of the notebook: the author's own cells may have made them in the judge too."""
        name = value.__name__ if isinstance(value, (types.FunctionType, type)) else ""
        return [name] if type(name) is str and name and self._namespace.get(name) is value else []

    def find_module(self, name: str) -> types.ModuleType:
        """Import what a test passes."""
        return importlib.import_module(name)

    def find_library(self, module: str, name: str) -> object:
        """Look up what a test passes."""
        found: object = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def _do_name(self, name: str) -> object:
        return ("found", self._namespace[name]) if name in self._namespace else ("missing", None)

    def _do_names(self) -> object:
        return [name for name in self._namespace if not name.startswith("_")]

    def _do_module(self, name: str) -> object:
        return importlib.import_module(name)

    def _do_set_name(self, name: str, value: Any) -> None:
        self._namespace[name] = self._decode(value)

    def _do_delete_name(self, name: str) -> None:
        del self._namespace[name]

    def _do_call(self, oid: int, arguments: Any) -> object:
        args, kwargs = self._decode(arguments)
        before = [copy_of(value) for value in args]
        result = self.exported(oid)(*args, **kwargs)
        return result, [
            ... if value is not result and same(kept, value) else value
            for kept, value in zip(before, args, strict=True)
        ]

    def _do_attribute(self, oid: int, name: str) -> object:
        return getattr(self.exported(oid), name)

    def _do_set_attribute(self, oid: int, name: str, value: Any) -> None:
        setattr(self.exported(oid), name, self._decode(value))

    def _do_dunder(self, oid: int, name: str, arguments: Any) -> object:
        thing = self.exported(oid)
        return getattr(type(thing), name)(thing, *self._decode(arguments))

    def _do_isinstance(self, oid: int, value: Any) -> object:
        return bool(isinstance(self._decode(value), self.exported(oid)))

    def _do_issubclass(self, oid: int, value: Any) -> object:
        return bool(issubclass(self._decode(value), self.exported(oid)))

    def _do_is_instance(self, oid: int, module: str, name: str) -> object:
        return bool(isinstance(self.exported(oid), self._class(module, name)))

    def _do_is_subclass(self, oid: int, module: str, name: str) -> object:
        return bool(issubclass(self.exported(oid), self._class(module, name)))

    def _do_is_same(self, oid: int, module: str, name: str) -> object:
        return self.exported(oid) is self._class(module, name)

    def _class(self, module: str, name: str) -> Any:
        """Return a class that the judge has too; `()` where this side lacks it."""
        if module == "__main__":
            return self._namespace.get(name, ())
        try:
            return self.find_library(module, name)
        except (ImportError, AttributeError):
            return ()

    def _do_read_file(self, name: str) -> object:
        path = Path(name)
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_FILE else None

    def _do_file_size(self, name: str) -> object:
        path = Path(name)
        return path.stat().st_size if path.exists() else None

    def _do_type(self, oid: int) -> object:
        return type(self.exported(oid))

    def _do_dir(self, oid: int) -> object:
        return dir(self.exported(oid))

    def _do_steady(self) -> object:
        return steady(self._namespace, SHELL_NAMES)

    def _do_usage(self) -> object:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._before

    def _do_trace(self) -> object:
        return trace_of(self._trace)

    def _do_source(self, oid: int) -> object:
        return inspect.getsource(self.exported(oid))

    def _do_signature(self, oid: int) -> object:
        return str(inspect.signature(self.exported(oid)))

    def _do_seed(self, module: str, arguments: Any) -> None:
        seed = random.seed if module == "random" else np.random.seed
        seed(*self._decode(arguments))
