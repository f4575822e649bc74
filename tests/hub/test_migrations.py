"""A store that an earlier nbcoach wrote is brought up to date with all that is in it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from nbcoach_hub.storage import open_store
from nbcoach_hub.storage.migrations import MIGRATIONS, migrate

NOTE = {
    "learner": "amy",
    "course": "python",
    "exercise": "loops",
    "kind": "comment",
    "detail": {},
    "at": "2026-01-01T00:00:00+00:00",
}
SAID = {**NOTE, "submission": "s", "author": "tom", "text": "Fine.", "cell": None, "id": "c1"}
del SAID["kind"], SAID["detail"]


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A store with the layout of before records were separated from rows."""
    path = tmp_path / "store.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, "", MIGRATIONS[:6])
    profile = {
        "user": "amy",
        "display_name": "Amy",
        "language": "de",
        "goals": ["x"],
        "preferences": {},
        "updated": NOTE["at"],
    }
    db.execute("INSERT INTO profiles VALUES ('amy', ?)", (json.dumps(profile),))
    db.execute("INSERT INTO comments VALUES (1, 'c1', 'amy', 'python', 'loops', ?)", (json.dumps(SAID),))
    for number, unread in ((1, 1), (2, 0)):
        body = {**NOTE, "read": False, "id": f"n{number}"}
        db.execute(
            "INSERT INTO notifications VALUES (?, ?, 'amy', ?, ?)", (number, body["id"], unread, json.dumps(body))
        )
    db.close()
    return path


async def test_it_keeps_everything(earlier: Path) -> None:
    async with open_store(f"sqlite:///{earlier}") as store:
        profile = await store.profile("amy")
        assert profile is not None
        assert (profile.display_name, profile.email, profile.consents) == ("Amy", "", {})
        assert [item.text for item in await store.comments("amy")] == ["Fine."]
        assert [(item.id, item.read) for item in await store.notifications("amy")] == [("n2", True), ("n1", False)]
        assert await store.erase("tom") == 1
        assert (await store.comments("amy"))[0].author.startswith("erased-")


def test_steps_run_once(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    assert migrate(db, "") == [step.__name__ for step in MIGRATIONS]
    assert migrate(db, "") == []
    db.close()
