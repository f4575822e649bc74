"""Groups of stops that one process can stand for, as the cells between them cannot touch what their tests look at.

A test cell is judged where it stands: what later cells do must not change its verdict. Most later cells only
define functions under names of their own, though, and then a process that stands after them is as good. So a whole
notebook is often judged beside one process. What is not plainly harmless counts as touching.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator
from functools import lru_cache

from .names import plain_python
from .plan import Plan, Stop

Group = tuple[int, tuple[Stop, ...]]
"""After how many cells a process stands, and the stops for which it may."""

_TELLTALE = frozenset(
    {"eval", "exec", "globals", "locals", "vars", "dir", "get_ipython", "In", "Out", "_", "__import__", "sys", "gc"}
)
"""Names with which code can see what it does not mention."""

_LONGEST = 50_000
"""Characters of a cell that is looked at: the service would answer nobody while it reads more at once."""

_STAR = re.compile(r"\bimport[\s(\\]*\*")
"""What brings names that nobody mentions."""


def groups(plan: Plan) -> tuple[Group, ...]:
    """Put the stops of a notebook together as far as can be, in order."""
    found: list[Group] = []
    pending: list[Stop] = []
    stops = {stop.after: stop for stop in plan.stops}
    seen: frozenset[str] | None = frozenset()  # by the cells so far
    for number, cell in enumerate(plan.cells):
        pending += [stops[number]] if number in stops else []
        if pending:
            made = _only_makes(cell.source)
            if made is None or not _disjoint(made, seen) or not all(_disjoint(made, _asked(stop)) for stop in pending):
                found.append((number, tuple(pending)))
                pending = []
        seen = _both(seen, _mentioned(cell.source))
    pending += [stop for stop in plan.stops if stop.after >= len(plan.cells)]
    return (*found, (len(plan.cells), tuple(pending))) if pending else tuple(found)


def _asked(stop: Stop) -> frozenset[str] | None:
    """Return the names that the tests of a stop mention, None where they may see more."""
    found: frozenset[str] | None = frozenset()
    for test in (*stop.prelude, *stop.tests):
        for source in (test.preamble, *(check.source for check in test.checks)):
            found = _both(found, _mentioned(source))
    return found


def _both(some: frozenset[str] | None, others: frozenset[str] | None) -> frozenset[str] | None:
    return None if some is None or others is None else some | others


def _disjoint(made: frozenset[str], names: frozenset[str] | None) -> bool:
    return names is not None and names.isdisjoint(made)


@lru_cache(maxsize=4096)
def _mentioned(source: str) -> frozenset[str] | None:
    """Return the names in a cell, None where it may see more than it mentions."""
    if len(source) > _LONGEST:
        return None
    text = plain_python(source)
    try:
        tables = [symtable.symtable(text, "", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: set[str] = set()
    while tables:
        table = tables.pop()
        names.update(table.get_identifiers())
        tables += table.get_children()
    return None if _STAR.search(text) or not names.isdisjoint(_TELLTALE) else frozenset(names)


def only_defines(source: str) -> bool:
    """Tell whether a cell is plain Python that does nothing but make names."""
    return _only_makes(source) is not None and plain_python(source).rstrip("\n") == source.rstrip("\n")


@lru_cache(maxsize=4096)
def _only_makes(source: str) -> frozenset[str] | None:
    """Return the names that a cell makes, None where it does anything else."""
    tree = _parsed(source)
    if tree is None:
        return None
    names: set[str] = set()
    for statement in tree.body:
        made = _made(statement)
        if made is None:
            return None
        names.update(made)
    return frozenset(names)


def _made(statement: ast.stmt) -> list[str] | None:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*statement.args.defaults, *(d for d in statement.args.kw_defaults if d is not None)]
            harmless = not statement.decorator_list and all(map(_literal, (*defaults, *_annotations(statement))))
            return [statement.name] if harmless else None
        case ast.ClassDef(bases=[], keywords=[], decorator_list=[]):
            return [statement.name] if all(_made(part) is not None for part in statement.body) else None
        case ast.Assign(targets=targets, value=value):
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            return names if _literal(value) and len(names) == len(targets) else None
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return []
    return None


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """Yield the annotations that are more than a name, as those are evaluated."""
    a = function.args
    arguments = (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg)))
    for annotation in (*(argument.annotation for argument in arguments), function.returns):
        if annotation is not None and not isinstance(annotation, ast.Name):
            yield annotation


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


@lru_cache(maxsize=4096)
def _parsed(source: str) -> ast.Module | None:
    if len(source) > _LONGEST:
        return None
    try:
        return ast.parse(plain_python(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
