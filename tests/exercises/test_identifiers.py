"""Identifiers as a table: what may become part of a path or a key, and what may not."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcoach_exercises.errors import InvalidIdentifier
from nbcoach_exercises.identifiers import grade_id, new_id, now, slug

GOOD_SLUGS = ["a", "0", "a1", "python-1", "data_science", "a" * 64, "a--b", "a__b"]
BAD_SLUGS: list[Any] = [
    "", "-a", "a-", "_a", "a_", "A", "ä", "²", "٣", "a b", "a.b", ".", "..", "a/b", "../a", "a\\b", "a\n", "\na",
    "a\0", "a" * 65, "a%2f", "$where", None, 3, b"a", ["a"],
]  # fmt: skip
GOOD_CELLS = ["a", "A", "cell-1", "a.b", "_x", "-x", ".a", "a" * 128, "..a"]
BAD_CELLS: list[Any] = [
    "", ".", "..", "...", "a b", "a/b", "../a", "a\n", "a\0", "ä", "٣", "a" * 129, "a$", None, 3, b"a"
]  # fmt: skip


@pytest.mark.parametrize("value", GOOD_SLUGS)
def test_good_slugs(value: str) -> None:
    assert slug(value, "course") == value


@pytest.mark.parametrize("value", BAD_SLUGS)
def test_bad_slugs(value: Any) -> None:
    with pytest.raises(InvalidIdentifier, match="no valid course id") as refused:
        slug(value, "course")
    assert refused.value.detail == {"what": "course"}
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("value", GOOD_CELLS)
def test_good_cells(value: str) -> None:
    assert grade_id(value) == value


@pytest.mark.parametrize("value", BAD_CELLS)
def test_bad_cells(value: Any) -> None:
    with pytest.raises(InvalidIdentifier, match="no valid cell id"):
        grade_id(value)


@given(st.text(max_size=80))
def test_whatever_is_accepted_is_harmless_in_a_path(value: str) -> None:
    for check in (lambda text: slug(text, "course"), grade_id):
        try:
            check(value)
        except InvalidIdentifier:
            continue
        assert value.isascii()
        assert value.isprintable()
        assert not set(value) & set("/\\:%$ ")
        assert value not in ("", ".", "..")


def test_fresh_ids_and_the_one_clock() -> None:
    assert len({new_id() for _ in range(100)}) == 100
    assert now().tzinfo is UTC
