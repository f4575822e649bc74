"""The verdict of a whole from those of its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcoach_exercises.schemas import load_schema
from nbcoach_exercises.verdicts import Verdict, worst


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], Verdict.GRADER_FAILED),
        ([Verdict.PASSED], Verdict.PASSED),
        ([Verdict.PASSED, Verdict.FAILED], Verdict.FAILED),
        ([Verdict.PASSED, Verdict.NOT_ATTEMPTED], Verdict.NOT_ATTEMPTED),
        ([Verdict.TIMEOUT, Verdict.ERROR], Verdict.TIMEOUT),
        ([Verdict.CRASHED, Verdict.GRADER_FAILED], Verdict.GRADER_FAILED),
    ],
)
def test_the_worst_part_decides(parts: list[Verdict], whole: Verdict) -> None:
    assert worst(parts) is whole


@given(st.lists(st.sampled_from(Verdict), min_size=1))
def test_a_whole_passes_only_when_all_its_parts_do(parts: list[Verdict]) -> None:
    assert worst(parts) in parts
    assert worst(parts) is worst(reversed(parts))
    assert (worst(parts) is Verdict.PASSED) is (set(parts) == {Verdict.PASSED})


@pytest.mark.parametrize("name", ["frames.v1", "events.v1"])
def test_the_schemas_list_the_same_words(name: str) -> None:
    assert load_schema(name)["$defs"]["verdict"]["enum"] == [str(verdict) for verdict in Verdict]
