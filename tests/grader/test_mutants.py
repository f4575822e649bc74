"""Mutants: small, different, still Python."""

from __future__ import annotations

import ast

from nbcoach_grader.mutants import mutants

SOURCE = "def f(n):\n    if n < 1 and not n == 0:\n        raise ValueError\n    return n * 2\n"


def test_each_mutant_is_another_program() -> None:
    found = mutants({"a": SOURCE}, 100)
    texts = [mutant.source for mutant in found]
    assert len(set(texts)) == len(texts) == 10
    assert ast.unparse(ast.parse(SOURCE)) not in texts
    assert all(ast.parse(text) for text in texts)
    assert "n < 1 → n <= 1" in [mutant.change for mutant in found]


def test_a_limit_spreads_over_all_cells() -> None:
    found = mutants({"a": SOURCE, "b": SOURCE}, 4)
    assert [mutant.cell for mutant in found] == ["a", "a", "b", "b"]


def test_what_is_no_python_has_no_mutants() -> None:
    assert mutants({"a": "def ("}, 5) == []
