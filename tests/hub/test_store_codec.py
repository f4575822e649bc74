"""Records become rows and rows records, whatever people write into them, sealed or not."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcoach_hub.copies.archive import row_line, row_of
from nbcoach_hub.storage import AuditEntry, Comment, Keyring, Notification, Occasion, Profile, Submission
from nbcoach_hub.storage.codec import Codec, edited, sealing_key, without_sealed
from nbcoach_hub.storage.keyring import new_key
from nbcoach_hub.storage.tables import AUDIT, COMMENTS, NOTIFICATIONS, PROFILES, SUBMISSIONS

text = st.text(st.characters(), max_size=20)  # half surrogate pairs and NUL too
name = st.text(string.ascii_lowercase, min_size=1, max_size=8)
at = st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1))
number = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
about = {"learner": name, "course": name, "exercise": name, "id": name, "at": at}
comments = st.builds(Comment, submission=name, author=name, text=text, cell=st.none() | text, **about)
records = st.one_of(
    comments,
    st.builds(
        Profile,
        user=name,
        display_name=text,
        email=text,
        goals=st.lists(text, max_size=3).map(tuple),
        preferences=st.dictionaries(text, plain, max_size=3),
        consents=st.dictionaries(text, at, max_size=3),
        updated=at,
    ),
    st.builds(
        Submission,
        version=name,
        sources=st.dictionaries(text, text, max_size=3),
        points=number,
        max_points=number,
        verdicts=st.dictionaries(text, text, max_size=3),
        due=st.none() | at,
        **about,
    ),
    st.builds(
        Notification,
        kind=st.sampled_from(Occasion),
        detail=st.dictionaries(text, plain, max_size=3),
        read=st.booleans(),
        **about,
    ),
    st.builds(AuditEntry, actor=name, action=text, detail=st.dictionaries(text, plain, max_size=3), id=name, at=at),
)
TABLES = {Profile: PROFILES, Submission: SUBMISSIONS, Comment: COMMENTS, Notification: NOTIFICATIONS, AuditEntry: AUDIT}
RING = Keyring([new_key()])


@pytest.mark.parametrize("ring", [Keyring(), RING], ids=["plain", "sealed"])
@given(record=records)
def test_a_record_comes_back_as_it_was(ring: Keyring, record: Any) -> None:
    codec = Codec(ring)
    row = codec.row(record)
    assert codec.record(type(record), row) == record
    assert sealing_key(row) == (RING.ids[0] if ring is RING and record.sealed else None)
    assert row_of(row_line("t", row)) == ("t", row)


@given(record=records)
def test_a_lost_key_costs_the_sealed_fields_only(record: Any) -> None:
    row = without_sealed(TABLES[type(record)], Codec(RING).row(record))
    kept = Codec(Keyring()).record(type(record), row)
    assert [field for field in record.sealed if getattr(kept, field)] == []
    others = [field for field in vars(record) if field not in record.sealed]
    assert [getattr(kept, field) for field in others] == [getattr(record, field) for field in others]


@given(comment=comments)
def test_a_name_is_taken_out_without_a_key(comment: Comment) -> None:
    row = edited(Codec(RING).row(comment), {"author": "erased-1"})
    assert row.columns["author"] == "erased-1"
    assert Codec(RING).record(Comment, row).text == comment.text
