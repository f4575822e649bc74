"""The judge's globals: its own names first, then the learner's, fetched when a test asks for them.

A name that the author's cells define or import is the judge's own, whatever the learner
bound it to. A builtin is the judge's own too, unless the reference solution defines that
very name. Anything else is fetched from the subject, once a check.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
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

    """

    def __init__(self, own: dict[str, Any], answers: Iterable[str], peer: JudgePeer) -> None:
        super().__init__(own)
        self._answers = frozenset(answers)
        self._peer = peer

    def __missing__(self, name: str) -> Any:
        if name.startswith("__") or (hasattr(builtins, name) and name not in self._answers):
            raise KeyError(name)
        found, value = self._peer.request("name", name)
        if found != "found":
            raise KeyError(name)
        dict.__setitem__(self, name, value)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if name in self._answers:
            self._peer.request("set-name", name, self._peer.encode(value))

    def __delitem__(self, name: str) -> None:
        if dict.__contains__(self, name):
            super().__delitem__(name)
        if name in self._answers:
            self._peer.request("delete-name", name)


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
