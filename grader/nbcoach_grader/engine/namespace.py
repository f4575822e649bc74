"""The judge's globals: its own names first, then the learner's, fetched when a test asks for them.

A name that the author's cells define or import is the judge's own, whatever the learner
bound it to; data that the reference solution binds anew or changes in place is not. A builtin is the
judge's own too, unless the reference solution defines that very name. Anything else is fetched
from the subject, once a check.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import importlib
import types
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from .judge_peer import JudgePeer
from .names import parsed, top_level
from .peer import STATEFUL_MODULES


class Namespace(dict[str, Any]):
    """Globals of a test cell.

    Args:
        own: names that the judge has already.
        answers: names that the reference solution binds.
        peer: the line to the subject.
        copied: those of the own names whose values a test may change in place: it gets a copy when it asks.

    """

    def __init__(
        self, own: dict[str, Any], answers: Iterable[str], peer: JudgePeer, copied: Iterable[str] = ()
    ) -> None:
        self._answers = self._shared = frozenset(answers)
        self._peer = peer
        kept = {n: v for n, v in own.items() if n not in self._answers or n[:2] == "__" or not _is_data(v)}
        self._originals = {name: kept.pop(name) for name in copied if name in kept}
        self._copies: dict[int, Any] = {}
        super().__init__(kept)

    @contextlib.contextmanager
    def sheltered(self, names: Iterable[str]) -> Iterator[None]:
        """Let what is done to some names stay on this side, and be forgotten in the end."""
        outer = frozenset(names)
        for name in outer & self._originals.keys():
            self._copy(name)
        before = {name: dict.__getitem__(self, name) for name in outer if dict.__contains__(self, name)}
        self._shared = self._answers - outer
        try:
            yield
        finally:
            self._shared = self._answers
            for name in outer:
                dict.pop(self, name, None)
            dict.update(self, before)

    def _copy(self, name: str) -> Any:
        """Take a copy of the author's data; what two names share, their copies share."""
        value = copy.deepcopy(self._originals.pop(name), self._copies)
        dict.__setitem__(self, name, value)
        return value

    def __missing__(self, name: str) -> Any:
        if name in self._originals:
            return self._copy(name)
        if self._never_theirs(name):
            raise KeyError(name)
        found, value = self._peer.request("name", name)
        if found != "found":
            raise KeyError(name)
        if name == "In" and type(value) is list:
            value.append("")  # stands for the test cell: in a kernel the cell before it is `In[-2]`
        dict.__setitem__(self, name, value)
        return value

    def _never_theirs(self, name: str) -> bool:
        return name.startswith("__") or (hasattr(builtins, name) and name not in self._answers)

    def __contains__(self, name: object) -> bool:
        if dict.__contains__(self, name):
            return True
        try:
            self[name]  # type: ignore[index]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        own = [*dict.keys(self), *self._originals]
        yield from own
        theirs = [name for name in self._peer.request("names") if type(name) is str]
        yield from (name for name in theirs if name not in own and not self._never_theirs(name))

    def keys(self) -> Any:
        """Return the names of both sides."""
        return list(self)

    def items(self) -> Any:
        """Return the names of both sides with their values."""
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        """Return the values of both sides."""
        return [self[name] for name in self]

    def get(self, name: str, default: Any = None) -> Any:
        """Return what a name stands for on either side."""
        try:
            return self[name]
        except KeyError:
            return default

    def copy(self) -> dict[str, Any]:
        """Return the names of both sides with their values."""
        return dict(self.items())

    def pop(self, name: str, *default: Any) -> Any:
        """Remove a name, on the learner's side too where it is the learner's."""
        if name not in self and default:
            return default[0]
        value = self[name]
        del self[name]
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self._originals.pop(name, None)
        super().__setitem__(name, value)
        if name in self._shared:
            self._peer.request("set-name", name, self._peer.encode(value))

    def __delitem__(self, name: str) -> None:
        self._originals.pop(name, None)
        if dict.__contains__(self, name):
            super().__delitem__(name)
        if name in self._shared:
            self._peer.request("delete-name", name)


def _is_data(value: object) -> bool:
    """Tell whether a value is none of what an author brings for the tests: modules, functions and classes."""
    return not isinstance(value, types.ModuleType) and not callable(value)


class Locals(MutableMapping[str, Any]):
    """Locals of a test cell: the namespace again, so that stores and deletes at top level go through it.

    Args:
        namespace: the globals.

    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def __getitem__(self, name: str) -> Any:
        return self._namespace[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._namespace[name] = value

    def __delitem__(self, name: str) -> None:
        del self._namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespace)

    def __len__(self) -> int:
        return len(self._namespace)

    def copy(self) -> dict[str, Any]:
        """Return the names of both sides with their values."""
        return self._namespace.copy()


def import_own(source: str, own: dict[str, Any]) -> None:
    """Carry out a cell's top-level imports for the judge, so that a learner's stand-in is never used.

    A module with learner-made state, such as pyplot, is left to the subject.
    """
    for node in top_level(parsed(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in STATEFUL_MODULES:
                    with contextlib.suppress(ImportError):
                        module = importlib.import_module(alias.name)
                        root = importlib.import_module(alias.name.partition(".")[0])
                        own[alias.asname or alias.name.partition(".")[0]] = module if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if f"{node.module}.{alias.name}" not in STATEFUL_MODULES and node.module not in STATEFUL_MODULES:
                    with contextlib.suppress(ImportError, AttributeError):
                        own[alias.asname or alias.name] = getattr(importlib.import_module(node.module), alias.name)


def stateful_imports(source: str) -> dict[str, str]:
    """Return the names by which a cell imports modules with learner-made state."""
    found: dict[str, str] = {}
    for node in top_level(parsed(source)):
        if isinstance(node, ast.Import):
            found.update({a.asname: a.name for a in node.names if a.name in STATEFUL_MODULES and a.asname})
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in STATEFUL_MODULES:
                    found[alias.asname or alias.name] = name
    return found
