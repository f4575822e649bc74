"""The contract of every store: one list of promises, run against each backend.

`wire` is a server of our own that speaks MongoDB's wire protocol. `mongodb` is MongoDB itself,
wherever `MONGODB_URI` names one; each test has a database of its own there.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pymongo
import pytest
from mongo_server import MongoServer

from nbcoach_exercises.errors import Conflict, Unavailable
from nbcoach_exercises.events import Attempt, Erasure, LearnerEvent, Logged, Reaction
from nbcoach_exercises.identifiers import now
from nbcoach_exercises.verdicts import Verdict
from nbcoach_hub.storage import (
    AuditEntry,
    Comment,
    IncompatibleStore,
    InvalidStoreUrl,
    KeyMissing,
    Keyring,
    Notification,
    Occasion,
    Profile,
    Store,
    Submission,
    open_store,
    work_hash,
)
from nbcoach_hub.storage.keyring import new_key

BACKENDS = ("sqlite", "wire", *(("mongodb",) if os.environ.get("MONGODB_URI") else ()))


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A server that speaks MongoDB's wire protocol."""
    server = MongoServer(tmp_path_factory.mktemp("wire"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store."""
    yield from fresh(request, tmp_path / "deep" / "store.sqlite")


@pytest.fixture
def other_url(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Iterator[str]:
    """The URL of another empty store, of the same kind."""
    yield from fresh(request, tmp_path / "other.sqlite")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an empty store in a file."""
    return f"sqlite:///{tmp_path / 'deep' / 'store.sqlite'}"


def fresh(request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    kind = request.node.callspec.params["url"]
    database = f"nbcoach_test_{uuid.uuid4().hex[:12]}"
    if kind == "sqlite":
        yield f"sqlite:///{path}"
    elif kind == "wire":
        yield request.getfixturevalue("wire").url(database)
    else:
        named = urlsplit(os.environ["MONGODB_URI"])
        query = named.query if named.path.strip("/") == "" else f"{named.query}&authSource={named.path[1:]}".lstrip("&")
        yield named._replace(path=f"/{database}", query=query).geturl()
        with pymongo.MongoClient(os.environ["MONGODB_URI"]) as client:
            client.drop_database(database)


def attempt(learner: str = "amy", exercise: str = "loops", cell: str = "q1", **fields: object) -> Attempt:
    values: dict[str, object] = {
        "learner": learner,
        "course": "python",
        "exercise": exercise,
        "version": "v1",
        "cell": cell,
        "source_hash": "0" * 64,
        "verdict": Verdict.FAILED,
        "verdicts": {"t1.1": Verdict.PASSED, "t1.2": Verdict.FAILED},
        "points": 1.0,
        "max_points": 2.0,
        "solved": False,
        "seconds": 0.25,
        "peak_mb": 31.5,
        "style": ("E501",),
    }
    return Attempt(**{**values, **fields})  # type: ignore[arg-type]


def event(learner: str = "amy", kind: Reaction = Reaction.OPENED) -> LearnerEvent:
    return LearnerEvent(learner=learner, course="python", exercise="loops", kind=kind)


def submission(learner: str = "amy", exercise: str = "loops", **fields: object) -> Submission:
    values: dict[str, object] = {"learner": learner, "course": "python", "exercise": exercise, "version": "v1"}
    values |= {"sources": {"q1": "x = 'ä'"}, "points": 1.0, "max_points": 2.0}
    return Submission(**{**values, **fields})  # type: ignore[arg-type]


def comment(submission: str, learner: str = "amy", **fields: object) -> Comment:
    values: dict[str, object] = {"submission": submission, "learner": learner, "course": "python"}
    values |= {"exercise": "loops", "author": "tom", "text": "Well done."}
    return Comment(**{**values, **fields})  # type: ignore[arg-type]


async def test_entries_come_back_as_they_were(url: str) -> None:
    written = [attempt(), event(), attempt(verdict=Verdict.PASSED, solved=True)]
    async with open_store(url) as store:
        logged = [await store.append(entry) for entry in written]
        assert [item.entry for item in logged] == written
        assert await store.log() == logged
    async with open_store(url) as store:
        assert await store.log() == logged


async def test_start_and_close_can_be_repeated(url: str) -> None:
    store = open_store(url)
    await store.close()
    await store.start()
    await store.start()
    await store.append(attempt())
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await store.log()
    await store.start()
    assert len(await store.log()) == 1
    await store.close()


async def test_a_repeated_append_is_one_entry(url: str) -> None:
    async with open_store(url) as store:
        first = await store.append(attempt(id="same"))
        await store.append(attempt())
        again = await store.append(attempt(id="same", points=2.0))
        assert again == first
        assert len(await store.log()) == 2


async def test_two_tasks_append_the_same_id(url: str) -> None:
    async with open_store(url) as one, open_store(url) as other:
        both = [one, other]
        appended = await asyncio.gather(*(both[n % 2].append(attempt(id=f"id{n // 4}")) for n in range(80)))
        assert len({item.cursor for item in appended}) == 20
        for item in appended:
            assert item == next(same for same in appended if same.entry.id == item.entry.id)
        assert await one.log() == await other.log()


async def test_a_reader_that_follows_the_cursor_sees_everything_once(url: str) -> None:
    async with open_store(url) as reader:
        seen: list[Logged] = []

        async def write(number: int) -> None:
            async with open_store(url) as writer:
                for n in range(40):
                    await writer.append(attempt(id=f"{number}-{n}"))

        async def follow() -> None:
            while len(seen) < 120:
                seen.extend(await reader.log(after=seen[-1].cursor if seen else 0, limit=7))
                await asyncio.sleep(0)

        await asyncio.gather(follow(), *(write(number) for number in range(3)))
        cursors = [item.cursor for item in seen]
        assert cursors == sorted(set(cursors))
        assert {item.entry.id for item in seen} == {f"{a}-{b}" for a in range(3) for b in range(40)}


async def test_limits_and_cursors_out_of_range_are_harmless(url: str) -> None:
    async with open_store(url) as store:
        for _ in range(3):
            await store.append(attempt())
        assert await store.log(after=10**15) == []
        assert len(await store.log(after=-5)) == 3
        assert await store.log(limit=0) == []
        assert await store.log(limit=-1) == []


async def test_latest_attempts(url: str) -> None:
    async with open_store(url) as store:
        await store.append(attempt(cell="q1"))
        await store.append(attempt(learner="bob"))
        second = await store.append(attempt(cell="q2"))
        newest = await store.append(attempt(cell="q1", verdict=Verdict.PASSED))
        other = await store.append(attempt(exercise="lists"))
        await store.append(event())
        await store.append(attempt(course="statistics"))
        assert await store.latest_attempts("amy", "python") == [second, newest, other]
        assert await store.latest_attempts("amy", "python", "lists") == [other]
        assert await store.latest_attempts("nobody", "python") == []


async def test_attempts_newest_first(url: str) -> None:
    async with open_store(url) as store:
        logged = [await store.append(attempt()) for _ in range(5)]
        await store.append(attempt(learner="bob"))
        await store.append(event())
        assert await store.attempts("amy", "python", "loops") == logged[::-1]
        assert await store.attempts("amy", "python", "loops", limit=2) == logged[:2:-1]


async def test_history_is_one_learners_own(url: str) -> None:
    async with open_store(url) as store:
        mine = [await store.append(entry) for entry in (attempt(), event())]
        await store.append(attempt(learner="bob"))
        assert await store.history("amy") == mine
        assert await store.history("amy", after=mine[0].cursor) == mine[1:]


async def test_profiles(url: str) -> None:
    profile = Profile(user="amy", display_name="Amy Ä", language="de", goals=("pandas",), preferences={"dark": True})
    async with open_store(url) as store:
        assert await store.profile("amy") is None
        await store.put_profile(profile)
        assert await store.profile("amy") == profile
        changed = Profile(user="amy", display_name="A.")
        await store.put_profile(changed)
        assert await store.profile("amy") == changed
        assert await store.delete_profile("amy") is True
        assert await store.delete_profile("amy") is False
        assert await store.profile("amy") is None


async def test_submissions(url: str) -> None:
    async with open_store(url) as store:
        first = await store.submit(submission(id="one"))
        assert await store.submit(submission(id="one", points=2.0)) == first
        second = await store.submit(submission(exercise="lists"))
        await store.submit(submission(learner="bob"))
        assert await store.submissions("amy") == [second, first]
        assert await store.submissions("amy", "python", "loops") == [first]
        assert await store.submissions("amy", "statistics") == []
        assert await store.newest_submissions("amy", "python") == [first, second]
        again = await store.submit(submission(id="again"))
        assert await store.newest_submissions("amy", "python") == [second, again]
        assert await store.newest_submissions("amy", "statistics") == []
        assert await store.submission("one") == first
        assert await store.submission("two") is None


async def test_submissions_know_whether_they_are_late_and_what_was_handed_in(url: str) -> None:
    due = datetime(2026, 11, 27, 12, tzinfo=UTC)
    async with open_store(url) as store:
        late = await store.submit(submission(id="late", due=due, at=due + timedelta(seconds=1)))
        cells = ({"id": "a", "grade_id": None, "source": "import math"}, {"id": "b", "grade_id": "q1", "source": "x"})
        judged: dict[str, object] = {"verdicts": {"q1": "passed"}, "scores": {"q1": 1.5}, "cells": cells}
        in_time = await store.submit(submission(id="in-time", due=due, at=due, **judged))
        free = await store.submit(submission(id="free"))
        assert [(await store.submission(s.id)) for s in (late, in_time, free)] == [late, in_time, free]
        assert [s.late for s in (late, in_time, free)] == [True, False, False]
        assert late.hash == in_time.hash == work_hash({"q1": "x = 'ä'"})
        assert work_hash({"a": "1", "b": "2"}) == work_hash({"b": "2", "a": "1"}) != work_hash({"a": "12", "b": ""})


async def test_a_class_s_submissions_and_their_regrading(url: str) -> None:
    async with open_store(url) as store:
        first = await store.submit(submission(id="one"))
        second = await store.submit(submission(id="two", learner="bob"))
        await store.submit(submission(exercise="lists"))
        assert await store.class_submissions("python", "loops") == [second, first]
        assert await store.class_submissions("python", "loops", limit=1) == [second]
        better = replace(first, version="v2", points=2.0, verdicts={"q1": "passed"}, scores={"q1": 2.0})
        assert await store.regrade(replace(better, sources={"q1": "forged"}, learner="mallory"))
        assert await store.submissions("amy", "python", "loops") == [better]
        assert await store.submissions("mallory") == []
        assert not await store.regrade(submission(id="three"))


async def test_comments(url: str) -> None:
    async with open_store(url) as store:
        about = {"submission": "one", "learner": "amy", "course": "python", "exercise": "loops", "author": "tom"}
        first = await store.comment(Comment(**about, text="Good ✓", id="c1"))
        second = await store.comment(Comment(**about, text="But slow.", cell="q1"))
        assert await store.comment(Comment(**about, text="Changed", id="c1")) == first
        assert await store.comments("amy") == await store.comments("amy", "python", "loops") == [first, second]
        assert await store.comments("amy", "python", "lists") == await store.comments("bob") == []


def notification(learner: str = "amy", **fields: object) -> Notification:
    values: dict[str, object] = {"learner": learner, "course": "python", "exercise": "loops"}
    return Notification(**{**values, "kind": Occasion.COMMENT, "detail": {"before": 1.5}, **fields})  # type: ignore[arg-type]


async def test_notifications_are_kept_until_read(url: str) -> None:
    first, second, other = notification(id="one"), notification(kind=Occasion.REGRADED), notification("bob")
    async with open_store(url) as store:
        assert [await store.notify(item) for item in (first, second, other)] == [True, True, True]
        assert not await store.notify(notification(id="one", kind=Occasion.UPDATED))
        assert await store.notifications("amy") == [second, first]
        assert await store.notifications("amy", limit=1) == [second]
        assert await store.mark_read("amy", [first.id, other.id, "unknown", "' OR 1=1 --"]) == 1
        assert await store.mark_read("amy", [first.id]) == await store.mark_read("amy", []) == 0
        assert not await store.notify(first)
    async with open_store(url) as store:
        assert await store.notifications("amy") == [second, replace(first, read=True)]
        assert await store.notifications("bob") == [other]


async def test_profiles_hold_mail_and_consents(url: str) -> None:
    profile = Profile(user="amy", email="amy@example.org", consents={"research": datetime(2026, 1, 2, tzinfo=UTC)})
    async with open_store(url) as store:
        await store.put_profile(profile)
        assert await store.profile("amy") == profile


async def test_audit_trail_pages_newest_first(url: str) -> None:
    async with open_store(url) as store:
        login = await store.audit(AuditEntry(actor="amy", action="log-in", request="r1"))
        change = await store.audit(AuditEntry(actor="root", action="profile.update", subject="amy", detail={"a": [1]}))
        other = await store.audit(AuditEntry(actor="bob", action="log-in", outcome="refused"))
        assert await store.audit(login.entry) == login
        assert await store.audit_trail() == [other, change, login]
        assert await store.audit_trail(before=other.number, limit=1) == [change]
        assert await store.audit_trail("amy") == [change, login]
        assert await store.audit_trail("amy", before=change.number) == [login]
        assert await store.audit_trail("amy", limit=1) == [change]
        assert await store.audit_trail("nobody") == []


async def test_export_is_everything_about_one_user(url: str) -> None:
    async with open_store(url) as store:
        entries = [attempt(), event()]
        for entry in [*entries, attempt(learner="bob")]:
            await store.append(entry)
        profile = Profile(user="amy", display_name="Amy")
        await store.put_profile(profile)
        handed_in = await store.submit(submission())
        said = await store.comment(comment(handed_in.id))
        told = notification()
        await store.notify(told)
        done = await store.audit(AuditEntry(actor="root", action="export", subject="amy"))
        found = await store.export("amy")
        assert (found.user, found.profile, list(found.entries)) == ("amy", profile, entries)
        assert (found.submissions, found.comments) == ((handed_in,), (said,))
        assert (found.notifications, found.audit) == ((told,), (done.entry,))
        nothing = await store.export("nobody")
        assert (nothing.profile, nothing.entries, nothing.audit) == (None, (), ())


async def test_an_erasure_is_told_for_a_month(url: str) -> None:
    async with open_store(url) as store:
        old, newer = (replace(Erasure.of("amy"), at=now() - timedelta(days=days)) for days in (31, 29))
        await store.append(old)
        await store.append(newer)
        await store.erase("bob")
        told = [item.entry.id for item in await store.log()]
        assert (old.id in told, newer.id in told, len(told)) == (False, True, 2)


async def test_erase_leaves_what_others_need_without_the_name(url: str) -> None:
    async with open_store(url) as store:
        said = await store.comment(comment("s1", learner="bob", author="amy"))
        await store.audit(AuditEntry(actor="amy", action="profile.update", subject="amy", detail={"mail": "amy@x.org"}))
        await store.audit(AuditEntry(actor="root", action="erase", subject="amy"))
        await store.notify(notification())
        assert await store.erase("amy") == 4
        assert await store.erase("amy") == 0
        (kept,) = await store.comments("bob")
        assert (kept.id, kept.text) == (said.id, said.text)
        last, first = (item.entry for item in await store.audit_trail())
        assert first.actor == first.subject == last.subject == kept.author
        assert first.actor.startswith("erased-")
        assert (first.detail, last.actor) == ({}, "root")


def ring(*keys: bytes) -> Keyring:
    return Keyring(keys)


async def raw(store: Store) -> str:
    """Return all that the backend keeps."""
    return "".join([f"{row.key} {dict(row.columns)} {row.body}" async for _, row in store.dump()])


async def fill_sensitive(store: Store) -> list[str]:
    """Write one of each sensitive field, and return the secrets."""
    await store.put_profile(Profile(user="amy", display_name="secret-name", email="secret-mail"))
    await store.comment(comment("s1", text="secret-comment"))
    await store.notify(notification(detail={"k": "secret-news"}, id="n"))
    await store.audit(AuditEntry(actor="amy", action="x", detail={"k": "secret-detail"}))
    return ["secret-name", "secret-mail", "secret-comment", "secret-news", "secret-detail"]


async def read_sensitive(store: Store) -> list[object]:
    profile = await store.profile("amy")
    assert profile is not None
    return [
        profile.display_name,
        profile.email,
        *(item.text for item in await store.comments("amy")),
        *(item.detail["k"] for item in await store.notifications("amy")),
        *(item.entry.detail["k"] for item in await store.audit_trail("amy")),
    ]


async def test_sensitive_fields_are_encrypted_at_rest(url: str) -> None:
    key = new_key()
    async with open_store(url, ring(key)) as store:
        secrets = await fill_sensitive(store)
        assert await read_sensitive(store) == secrets
        assert "secret" not in await raw(store)
    async with open_store(url, ring(new_key(), key)) as store:
        assert await read_sensitive(store) == secrets
    async with open_store(url, ring(new_key())) as store:
        with pytest.raises(KeyMissing, match="NBCOACH_KEYS"):
            await store.profile("amy")
        assert await store.erase("amy") == 4


async def test_a_sealed_field_opens_nowhere_else(url: str) -> None:
    async with open_store(url, ring(new_key())) as store:
        await store.put_profile(Profile(user="amy", email="amy@example.org"))
        (theirs,) = [row async for name, row in store.dump() if name == "profiles"]
        await store.load([("profiles", replace(theirs, key="eve", body=theirs.body.replace('"amy"', '"eve"')))])
        with pytest.raises(KeyMissing):
            await store.profile("eve")


async def test_reseal_moves_everything_to_the_newest_key(url: str) -> None:
    old, new = new_key(), new_key()
    async with open_store(url) as store:
        secrets = await fill_sensitive(store)
        assert await store.reseal() == 0
        bodies = await raw(store)
        assert all(secret in bodies for secret in secrets)
    for keys in ((old,), (new, old)):
        async with open_store(url, ring(*keys)) as store:
            assert await store.reseal() == 4
            assert await store.reseal() == 0
            assert "secret" not in await raw(store)
    async with open_store(url, ring(new)) as store:
        assert await read_sensitive(store) == secrets


async def test_a_copy_is_the_same_store(url: str, other_url: str) -> None:
    async with open_store(url) as store, open_store(other_url) as other:
        await fill_sensitive(store)
        await store.append(attempt())
        await store.append(attempt(learner="bob", id="gone"))
        await store.erase("bob")
        await store.put_state("model", b"\x00one", 0)
        await store.put_state("model", b"\x00two", 1)
        rows = [item async for item in store.dump()]
        await other.load(rows)
        assert [item async for item in other.dump()] == rows
        assert await other.get_state("model") == (2, b"\x00two")
        assert await other.export("amy") == await store.export("amy")
        assert (await other.append(attempt())).cursor == (await store.append(attempt())).cursor
        with pytest.raises(Conflict):
            await other.load(rows)


async def test_state_is_compared_and_set(url: str) -> None:
    async with open_store(url) as store:
        assert await store.get_state("model") is None
        assert await store.put_state("model", b"\x00one", 0) == 1
        with pytest.raises(Conflict):
            await store.put_state("model", b"lost", 0)
        assert await store.put_state("model", b"two", 1) == 2
        with pytest.raises(Conflict):
            await store.put_state("model", b"lost", 1)
        assert await store.get_state("model") == (2, b"two")
        with pytest.raises(Conflict):
            await store.put_state("absent", b"", 3)


async def test_state_has_one_winner(url: str) -> None:
    async with open_store(url) as one, open_store(url) as other:
        both = [one, other]
        done = await asyncio.gather(
            *(both[n % 2].put_state("model", b"%d" % n, 0) for n in range(10)), return_exceptions=True
        )
        assert done.count(1) == 1
        assert sum(isinstance(item, Conflict) for item in done) == 9


async def test_erase_forgets_one_learner_for_good(url: str) -> None:
    marker = "amy-marker-4711"
    async with open_store(url) as store:
        kept = await store.append(attempt(learner="bob"))
        last = await store.append(attempt(learner=marker))
        await store.append(event(learner=marker))
        await store.put_profile(Profile(user=marker, display_name=marker))
        await store.submit(submission(learner=marker))
        await store.comment(
            Comment(submission="s", learner=marker, course="python", exercise="loops", author="tom", text=marker)
        )
        await store.notify(notification(marker))
        assert await store.erase(marker) == 6
        assert await store.erase(marker) == 0
        first, *told = await store.log()
        assert first == kept
        assert [isinstance(item.entry, Erasure) and item.entry.means(marker) for item in told] == [True, True]
        assert await store.profile(marker) is None
        assert await store.submissions(marker) == await store.comments(marker) == []
        assert await store.notifications(marker) == []
        assert (await store.append(attempt(learner="bob"))).cursor > last.cursor
        assert marker not in await raw(store)
    if url.startswith("sqlite"):  # the files of a server are the server's own
        folder = Path(url.removeprefix("sqlite:///")).parent
        assert all(marker.encode() not in path.read_bytes() for path in folder.iterdir())


async def test_text_that_no_encoding_has_is_kept(url: str) -> None:
    odd = "half \ud800, nothing \x00, all \U0001f600"
    async with open_store(url, ring(new_key())) as store:
        kept = await store.submit(submission(sources={"a.b $c": odd, "": odd}))
        assert await store.submission(kept.id) == kept
        assert kept.sources["a.b $c"] == odd
        assert (await store.comment(comment("s", text=odd))).text == odd


async def test_names_are_data_never_statements(url: str) -> None:
    nasty = "'; DROP TABLE log; --"
    async with open_store(url) as store:
        logged = await store.append(attempt(learner=nasty))
        assert await store.latest_attempts(nasty, "python") == [logged]
        assert await store.latest_attempts("' OR '1'='1", "python") == []


async def test_it_behaves_like_a_plain_list(url: str) -> None:
    """A random walk beside the simplest model of a log."""
    chance = random.Random(7)
    model: list[Logged] = []
    async with open_store(url) as store:
        for _ in range(150):
            learner = chance.choice(["amy", "bob", "eve"])
            if chance.random() < 0.9:
                entry = chance.choice([attempt, event])(learner=learner)
                model.append(await store.append(entry))
            else:
                assert await store.erase(learner) == sum(item.entry.learner == learner for item in model)
                model = [item for item in model if item.entry.learner != learner]
        kept = await store.log(limit=1000)
        assert [item for item in kept if not isinstance(item.entry, Erasure)] == model


WRITER = """
import asyncio, sys
from nbcoach_hub.storage import Profile, open_store

async def main():
    async with open_store(sys.argv[1]) as store:
        for n in range(10**6):
            await store.put_profile(Profile(user=f"u{n}"))
            print(n, flush=True)

asyncio.run(main())
"""


async def test_nothing_acknowledged_is_lost_by_kill(url: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(60)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
        writer.wait()
        writer.stdout.close()
        acknowledged = [int(line) for line in told if line.endswith("\n")]
        async with open_store(url) as store:
            assert None not in [await store.profile(f"u{n}") for n in acknowledged]
            assert await store.profile(f"u{acknowledged[-1] + 2}") is None
            for n in acknowledged:
                await store.delete_profile(f"u{n}")
            await store.delete_profile(f"u{acknowledged[-1] + 1}")


async def test_a_newer_layout_is_refused(url: str) -> None:
    async with open_store(url) as store:
        await store.append(attempt())
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db, db:
            db.execute("INSERT INTO migrations VALUES ('add_telepathy', '2030-01-01')")
    else:
        with pymongo.MongoClient(url) as client:
            client.get_default_database()["migrations"].insert_one({"_id": "add_telepathy"})
    with pytest.raises(IncompatibleStore, match=r"newer nbcoach.*add_telepathy"):
        await open_store(url).start()


async def test_a_file_that_is_no_store_is_refused(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(Unavailable, match="cannot be opened"):
        await open_store(sqlite_url).start()
    assert path.read_bytes() == b"no database" * 1000


async def test_only_the_owner_can_read_the_file(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        await store.append(attempt())
        folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
        assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "mysql:///x",
        "/x/y",
        "sqlite:///x?synchronous=off",
        "mongodb://",
        "mongodb://h:port",
        "mongodb://h/a b",
        "http://[x",
    ],
)
def test_urls_that_name_no_store(bad: str) -> None:
    with pytest.raises(InvalidStoreUrl, match="is no store"):
        open_store(bad)
