"""Mutants: small wrong versions of a reference solution, which good tests should notice.

The operators are the classic ones of mutation testing (DeMillo, Lipton and Sayward, "Hints on Test Data
Selection", 1978): another comparison, another operator, another constant, a lost `return`, a lost statement.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .engine.names import parsed

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """An answer cell with one change in it; `change` says which, for the author."""

    cell: str
    line: int
    change: str
    source: str


def mutants(answers: Mapping[str, str], limit: int) -> list[Mutant]:
    """Return mutants of answer cells, spread evenly over all that there are.

    Args:
        answers: the reference solution by cell.
        limit: how many to return at most.

    """
    found = [mutant for cell, source in answers.items() for mutant in _mutants(cell, source)]
    if len(found) <= limit:
        return found
    return [found[number * len(found) // limit] for number in range(limit)]


def _mutants(cell: str, source: str) -> Iterator[Mutant]:
    tree = parsed(source)
    for number, node in enumerate(ast.walk(tree)):
        for change, changed in _changes(node):
            other = copy.deepcopy(tree)
            place = next(found for count, found in enumerate(ast.walk(other)) if count == number)
            if type(place) is type(changed):
                place.__dict__ = changed.__dict__
            else:
                _Replaced(place, changed).visit(other)
            text = ast.unparse(ast.fix_missing_locations(other))
            yield Mutant(cell, getattr(node, "lineno", 1), change, text)


class _Replaced(ast.NodeTransformer):
    """Put one node in the place of another."""

    def __init__(self, place: ast.AST, changed: ast.AST) -> None:
        self._place, self._changed = place, changed

    def visit(self, node: ast.AST) -> ast.AST:
        """Return the replacement for the place, and look further elsewhere."""
        return self._changed if node is self._place else self.generic_visit(node)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what could stand in a node's place, with the change in words."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        other = copy.deepcopy(node)
        other.ops[0] = _COMPARISONS[type(node.ops[0])]()
        yield f"{ast.unparse(node)} → {ast.unparse(other)}", other
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        other_operation = copy.deepcopy(node)
        other_operation.op = _OPERATORS[type(node.op)]()
        yield f"{ast.unparse(node)} → {ast.unparse(other_operation)}", other_operation
    elif isinstance(node, ast.BoolOp):
        swapped = copy.deepcopy(node)
        swapped.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{ast.unparse(node)} → {ast.unparse(swapped)}", swapped
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)} → {ast.unparse(node.operand)}", copy.deepcopy(node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        value = (not node.value) if isinstance(node.value, bool) else node.value + 1
        yield f"{node.value!r} → {value!r}", ast.Constant(value)
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield f"{ast.unparse(node)} → return None", ast.Return(ast.Constant(None))
    elif isinstance(node, (ast.AugAssign, ast.Raise)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield f"{ast.unparse(node)} left out", ast.Pass()
