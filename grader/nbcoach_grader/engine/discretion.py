"""Whether a learner's cells are discreet: whether nothing that they do can outlive the process in which they do it.

Theory of operation. Code that has met a hidden check's arguments must have no way to keep them for a later check
whose output is shown. In general only a line of processes of its own is apart enough. Most answers, though, are plain
functions over plain data, and such code has nothing to write to once its process has ended. So it is read, and only
what is listed here is let through: syntax, builtins, names that the cells make themselves, public functions of a few
modules, and attributes that are known to be methods of data. Modules are never values, no name with two underscores
is read, and nothing calls a method by its name. Whatever is not plainly discreet counts as not: it costs time alone.
"""

from __future__ import annotations

import ast
import builtins
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from .discreet_names import BUILTINS, METHODS, MODULES, READERS, SPECIAL, SPECIAL_METHODS
from .names import SHELL_NAMES
from .plan import Plan

_RESERVED = (frozenset(dir(builtins)) | SHELL_NAMES | {"display"}) - BUILTINS
_DATA_TYPES = (str, bytes, int, float, complex, list, tuple, dict, set, frozenset, range, slice)
_STAMPS = (datetime.date, datetime.time, datetime.datetime, datetime.timedelta)
_OF_DATA = (
    METHODS | SPECIAL | {name for kind in (*_DATA_TYPES, *_STAMPS) for name in dir(kind) if not name.startswith("_")}
)
_PLAIN = frozenset({"math", "cmath", "random", "itertools", "functools", "collections", "string", "re", "statistics"})
_FRAMES = ("gi_", "cr_", "ag_", "f_", "tb_", "co_")
"""Attributes that lead from a generator, an exception or a function to all that the interpreter knows."""

_REFUSED = (
    ast.ImportFrom,  # of packages that are not named
    ast.AsyncFunctionDef,
    ast.AsyncFor,
    ast.AsyncWith,
    ast.Await,
    ast.MatchClass,
    ast.TryStar,
    *(getattr(ast, name) for name in ("TypeAlias", "TypeVar", "TemplateStr") if hasattr(ast, name)),
)


@dataclass(frozen=True)
class _Survey:
    """What a statement mentions.

    Names it makes, reads, and reads as values, modules by their name in the cells, attributes it asks for, with the
    dotted names before them, and attributes it makes. `plain` says that its syntax alone speaks for it.
    """

    made: frozenset[str]
    read: frozenset[str]
    values: frozenset[str]
    modules: frozenset[tuple[str, str]]
    asked: frozenset[tuple[tuple[str, ...], str]]
    attributes: frozenset[str]
    plain: bool


@dataclass(frozen=True)
class _Known:
    """What cells have made: names, modules by their name, attributes, and names of which nothing is known."""

    made: frozenset[str]
    modules: dict[str, str]
    attributes: frozenset[str]
    dubious: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()

    def harmless(self, survey: _Survey) -> bool:
        """Tell whether a statement mentions nothing but what is known to be harmless."""
        aliases = {name for name, _ in survey.modules}
        return (
            survey.plain
            and survey.read <= self.made | BUILTINS
            and survey.read.isdisjoint(self.dubious)
            and survey.values.isdisjoint(self.modules)
            and survey.made.isdisjoint(_RESERVED)
            and (survey.made - aliases).isdisjoint(self.modules)
            and all(self._may_ask(path, name) for path, name in survey.asked)
        )

    def _may_ask(self, path: tuple[str, ...], last: str) -> bool:
        module = self.modules.get(path[0]) if path else None
        for name in (*path[1:], last):
            if module is None:
                allowed = name in _OF_DATA or name in self.attributes
            elif f"{module}.{name}" in MODULES and name is not last:
                module = f"{module}.{name}"
                continue
            else:
                allowed = name in MODULES.get(module, ()) or name in self.readers
                module = None
            if not allowed:
                return False
        return True


def discreet(plan: Plan) -> bool:
    """Tell whether nothing that the learner's cells do outlives their process."""
    locked = {source for stop in plan.stops for source in stop.locked}
    authors: list[_Survey] = []
    learners: list[_Survey] = []
    for number, cell in enumerate(plan.cells):
        found = _surveys(cell.source)
        if found is None:
            return False
        (authors if number < plan.head or cell.source in locked else learners).extend(found)
    modules = dict(chain.from_iterable(survey.modules for survey in (*authors, *learners)))
    made = frozenset[str]().union(*(survey.made for survey in (*authors, *learners)))
    attributes = frozenset[str]().union(*(survey.attributes for survey in (*authors, *learners)))
    own = attributes if _without_libraries(plan) and not any(map(_reaching, attributes)) else frozenset[str]()
    known = _Known(made, modules, own, readers=READERS)
    while dubious := frozenset[str]().union(*(s.made for s in authors if not known.harmless(s))) - known.dubious:
        known = replace(known, dubious=known.dubious | dubious)
    known = replace(known, readers=frozenset())
    return all(map(known.harmless, learners))


def _without_libraries(plan: Plan) -> bool:
    """Tell whether no object of a library can be met, whose own attributes a learner's might be called like."""
    tests = (source for test in plan.tests for source in (test.preamble, *(check.source for check in test.checks)))
    surveys = map(_surveys, (*(cell.source for cell in plan.cells), *plan.sources, *tests))
    return all(
        found is not None and all({module for _, module in survey.modules} <= _PLAIN for survey in found)
        for found in surveys
    )


def _reaching(attribute: str) -> bool:
    return attribute.startswith(_FRAMES)


@lru_cache(maxsize=2048)
def _surveys(source: str) -> tuple[_Survey, ...] | None:
    """Return a survey of each statement of a cell; None where it is no Python."""
    try:
        return tuple(map(_survey, ast.parse(source).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _survey(statement: ast.stmt) -> _Survey:
    made: set[str] = set()
    values: set[str] = set()
    modules: set[tuple[str, str]] = set()
    asked: set[tuple[tuple[str, ...], str]] = set()
    attributes: set[str] = set()
    plain = True
    for node in _nodes(statement):
        match node:
            case ast.Import(names=aliases):
                modules |= {(alias.asname or alias.name, alias.name) for alias in aliases}
                made |= {alias.asname or alias.name for alias in aliases}
                plain &= all(alias.name in MODULES and "." not in (alias.asname or alias.name) for alias in aliases)
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                modules.add((f"from {module}", module))
                made |= {alias.asname or alias.name for alias in aliases}
                plain &= all(alias.name in MODULES.get(module, ()) for alias in aliases)
            case ast.Name(id=name, ctx=context):
                (values if isinstance(context, ast.Load) else made).add(name)
            case ast.Attribute(attr=name, ctx=context):
                asked.add((_path(node.value), name))
                if not isinstance(context, ast.Load):
                    attributes.add(name)
            case ast.ClassDef(name=name, body=body, keywords=keywords):
                made.add(name)
                attributes |= {name for part in body for name in _defined(part)}
                plain &= not keywords
            case _:
                made |= set(_bound(node))
                plain &= not isinstance(node, _REFUSED)
    read = values | {path[0] for path, _ in asked if path}
    attributes_asked = {name for path, last in asked for name in (*path[1:], last)}
    mentioned = chain(read, made - SPECIAL_METHODS, attributes_asked - SPECIAL)
    plain &= not any(name.startswith("__") and name.endswith("__") for name in mentioned)
    return _Survey(*map(frozenset, (made, read, values, modules, asked, attributes)), plain)  # type: ignore[call-arg, arg-type]


def _nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield all nodes, of dotted names only the last attribute."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        if not (isinstance(node, ast.Attribute) and _path(node.value)):
            todo.extend(ast.iter_child_nodes(node))


def _path(node: ast.expr) -> tuple[str, ...]:
    """Return the dotted names that an expression consists of, none where it is anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def _bound(node: ast.AST) -> Iterable[str]:
    """Return the names that a node makes other than by assignment."""
    match node:
        case ast.FunctionDef(name=name):
            return (name,)
        case ast.arg(arg=name) | ast.MatchStar(name=str(name)) | ast.MatchAs(name=str(name)):
            return (name,)
        case ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
            return (name,)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
    return ()


def _defined(part: ast.stmt) -> Iterator[str]:
    """Yield the attributes that a statement in the body of a class makes."""
    for node in ast.walk(part):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
