"""Names of cells: which a cell makes and which it needs, read from its text; nothing runs."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_BUILTINS = frozenset(dir(builtins))


SHELL_NAMES = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open", "input"})
"""What IPython and the engine put among a notebook's names."""

_UNUSUAL = re.compile(
    r"[%!?\r\v\f\x1c-\x1e\x85\u2028\u2029]|>>>|\A\s|^[^\S\n]+$|^[^\S\n]*(?:[,;/]|\.\.|In \[|\[\d+\])", re.MULTILINE
)
"""What a cell has in which IPython would change something."""

_ESCAPE = re.compile(r"^[^\S\n]*[%!?,;/]|=\s*[%!]|\?[^\S\n]*$", re.MULTILINE)
"""What IPython may change one by one, reading the whole cell again after each."""

_MOST_READ = 50_000
"""Characters that IPython may read again for one cell, which is a sixth of a second."""

_GROWING = re.compile(r"^[^\S\n]*[,;/]{3}", re.MULTILINE)
"""What IPython changes sign by sign, each time into something longer."""

_SUBSCRIPTED = (ast.Subscript, ast.Attribute)


@lru_cache(maxsize=4096)
def bound_names(source: str) -> frozenset[str]:
    """Return the names that a cell binds at top level, imports left out, or whose values it changes."""
    names = set(changed_names(source))
    for node in top_level(parsed(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


@lru_cache(maxsize=4096)
def changed_names(source: str) -> frozenset[str]:
    """Return the names whose values a cell may change in place, in functions too: `a[0] = 1`, `del a.b`, `a.sort()`."""
    tree = parsed(source)
    changed: set[str] = set()
    local: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, _SUBSCRIPTED) and isinstance(node.ctx, (ast.Store, ast.Del)):
            changed.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            changed.add(_root(node.value.func) if isinstance(node.value.func, ast.Attribute) else "")
        elif isinstance(node, ast.Global):
            changed |= set(node.names)
        elif isinstance(node, _FUNCTIONS):
            local |= _local_to(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            local |= _imported(node)
    return frozenset(changed - local - _BUILTINS - {"", "get_ipython"})


def _root(node: ast.AST) -> str:
    """Return the name that an expression such as `a.b[0].c` begins with, or nothing."""
    while isinstance(node, _SUBSCRIPTED):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def class_methods(source: str) -> frozenset[str]:
    """Return the names of the methods that a cell's classes define."""
    classes = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.ClassDef)]
    return frozenset(part.name for node in classes for part in ast.walk(node) if isinstance(part, ast.FunctionDef))


def effort(source: str) -> int:
    """Return how many characters are read to find the names of a cell."""
    return len(source) * (1 + len(_ESCAPE.findall(source)))


@lru_cache(maxsize=512)
def plain_python(source: str) -> str:
    """Return a cell with its magics turned into plain Python; as it is where IPython would not read it soon, or at all.

    The kernel says of that one what is wrong.
    """
    if _UNUSUAL.search(source) is None:  # looking at it token by token takes long
        return source if source.endswith("\n") else f"{source}\n"
    if effort(source) - len(source) > _MOST_READ or _GROWING.search(source):
        return source
    try:
        text: str = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
    except Exception:
        return source
    return text


@lru_cache(maxsize=4096)
def made_names(source: str) -> frozenset[str]:
    """Return the names that a cell binds at top level, imports included."""
    return frozenset(_made_by(parsed(source).body))


@lru_cache(maxsize=4096)
def needed_names(source: str) -> frozenset[str]:
    """Return the names that a cell uses before it binds them, builtins left out.

    What the body of a function uses counts, as the cell may call it.
    """
    made: set[str] = set(_BUILTINS)
    needed: set[str] = set()
    for statement in parsed(source).body:
        own = _made_by([statement])
        simple = isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Delete))
        try:
            used = _used_in(statement)
        except RecursionError:  # nobody writes that by hand
            named = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            used = {node.id for node in named if not isinstance(node.ctx, ast.Store)}
        needed |= used - made - (set() if simple else own)
        made |= own
    return frozenset(needed)


def _made_by(statements: Iterable[ast.stmt]) -> set[str]:
    made: set[str] = set()
    for node in top_level(ast.Module(body=list(statements), type_ignores=[])):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            made |= _imported(node)
    return made


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name.partition(".")[0] for alias in node.names}


def _used_in(node: ast.AST) -> set[str]:
    """Return the names that a node reads; those that are local to a function or comprehension are its own."""
    used: set[str] = set()
    for child in ast.iter_child_nodes(node):
        fewer, used = sorted((used, _used_in(child)), key=len)
        used |= fewer
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Load, ast.Del)):
        used.add(node.id)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        used.add(node.target.id)
    elif isinstance(node, _COMPREHENSIONS):
        used -= {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    elif isinstance(node, _FUNCTIONS):
        used -= _local_to(node)
    return used


def _local_to(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """Return the names that are a function's own; functions inside have theirs, and no node is looked at twice."""
    given = function.args
    arguments = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    local = {argument.arg for argument in arguments if argument is not None}
    outer: set[str] = set()
    todo: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            local.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            local.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            local |= _imported(node)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            outer |= set(node.names)
        if not isinstance(node, _FUNCTIONS):
            todo.extend(ast.iter_child_nodes(node))
    return local - outer


def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a cell; an empty one where it is no Python."""
    for plain in (str, plain_python):  # the second takes longer, and most cells have no magics
        try:
            return ast.parse(plain(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return ast.Module(body=[], type_ignores=[])


def top_level(tree: ast.Module) -> Iterable[ast.AST]:
    """Yield the nodes of a module that run at top level: not the bodies of functions and classes."""
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))
