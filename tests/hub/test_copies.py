"""`nbcoach backup` and `nbcoach restore`: what comes back, of what is made while others write, and what is refused."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner, Result
from mongo_server import MongoServer

from nbcoach_exercises.events import LearnerEvent, Reaction
from nbcoach_hub.cli import main
from nbcoach_hub.copies import make_copy, restore_copy
from nbcoach_hub.copies.tree import Tree
from nbcoach_hub.keys import ensure_keys
from nbcoach_hub.settings import Settings
from nbcoach_hub.storage import Export, Keyring, Profile, Store, Submission, open_store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A state folder with accounts, a hub's database, a learner's home, and a store with one learner."""
    found = Settings(state=tmp_path / "state")
    home = found.state / "homes" / "amy" / "work"
    home.mkdir(parents=True)
    (home / "a.ipynb").write_text("{}")
    (home / "run.sh").write_text("#!/bin/sh\n")
    (home / "run.sh").chmod(0o755)
    (home / "here").symlink_to("a.ipynb")
    (found.state / "logs").mkdir()
    (found.state / "logs" / "hub.log").write_text("secret log")
    (found.state / "recommender").mkdir()
    (found.state / "recommender" / "model.npz").write_bytes(b"\x00model")
    (found.state / "credentials.json").touch(0o600)
    with closing(sqlite3.connect(found.state / "hub.sqlite")) as db, db:
        db.execute("CREATE TABLE users (name TEXT)")
        db.execute("INSERT INTO users VALUES ('amy')")
    ensure_keys(found)
    asyncio.run(fill(found))
    return found


def store_of(settings: Settings) -> Store:
    return open_store(settings.store_url, Keyring.from_environment(settings.keys_environment()))


def event(number: int) -> LearnerEvent:
    return LearnerEvent(learner="amy", course="c", exercise="e", kind=Reaction.OPENED, id=f"e{number}")


async def fill(settings: Settings) -> None:
    async with store_of(settings) as store:
        await store.put_profile(Profile(user="amy", display_name="Amy", email="amy@example.org"))
        for number in range(3):
            await store.append(event(number))
        about = {"learner": "amy", "course": "c", "exercise": "e", "version": "v"}
        await store.submit(Submission(**about, sources={"q": "x = 'ä'"}, points=1, max_points=2))
        await store.put_state("model", b"\x00\xff", 0)


async def everything(settings: Settings) -> tuple[Export, list[int], tuple[int, bytes] | None]:
    async with store_of(settings) as store:
        cursors = [item.cursor for item in await store.log()]
        return await store.export("amy"), cursors, await store.get_state("model")


def elsewhere(settings: Settings, **changes: object) -> Settings:
    return replace(settings, state=settings.state.parent / "new", **changes)  # type: ignore[arg-type]


def copied(settings: Settings) -> Path:
    path = settings.state.parent / "copy.tar"
    make_copy(settings, path)
    return path


def keys_of(settings: Settings) -> Path:
    return settings.state / "keys"


def test_everything_comes_back(settings: Settings) -> None:
    path = settings.state.parent / "copy.tar"
    done = make_copy(settings, path)
    assert (done.rows, done.files, done.skipped) == (6, 5, ())
    assert path.stat().st_mode & 0o777 == 0o600
    new = elsewhere(settings)
    restored = restore_copy(new, path, keys=keys_of(settings))
    assert (restored.files, restored.skipped) == (5, ())
    assert asyncio.run(everything(new)) == asyncio.run(everything(settings))
    work = new.state / "homes" / "amy" / "work"
    assert (work / "a.ipynb").read_text() == "{}"
    assert (work / "run.sh").stat().st_mode & 0o100
    assert (work / "here").readlink() == Path("a.ipynb")
    assert (new.state / "recommender" / "model.npz").read_bytes() == b"\x00model"
    assert not (new.state / "logs").exists()
    with closing(sqlite3.connect(new.state / "hub.sqlite")) as db:
        assert db.execute("SELECT name FROM users").fetchall() == [("amy",)]
    assert [place for place in new.state.iterdir() if place.name != "homes" and place.stat().st_mode & 0o077] == []


def test_a_store_moves_from_one_kind_to_the_other_and_back(settings: Settings, server: MongoServer) -> None:
    before = asyncio.run(everything(settings))
    on_server = elsewhere(settings, store=server.url("moved"))
    restore_copy(on_server, copied(settings), keys=keys_of(settings))
    assert not (on_server.state / "store.sqlite").exists()
    assert asyncio.run(everything(on_server)) == before
    again = settings.state.parent / "again.tar"
    make_copy(on_server, again)
    back = replace(settings, state=settings.state.parent / "back")
    restore_copy(back, again, keys=keys_of(settings))
    assert asyncio.run(everything(back)) == before

    async def goes_on(place: Settings) -> int:
        async with store_of(place) as store:
            return (await store.append(event(99))).cursor

    assert asyncio.run(goes_on(on_server)) == asyncio.run(goes_on(back)) == 4
    with pytest.raises(Exception, match="not empty"):
        restore_copy(replace(on_server, state=settings.state.parent / "third"), again, keys=keys_of(settings))


def test_a_copy_made_while_others_write_is_whole(settings: Settings) -> None:
    stop, written = Event(), []

    def write() -> None:
        async def go() -> None:
            async with store_of(settings) as store:
                number = 100
                while not stop.is_set():
                    written.append((await store.append(event(number))).cursor)
                    (settings.state / "homes" / "amy" / f"{number % 50}.txt").write_text("x" * number * 100)
                    (settings.state / "homes" / "amy" / f"{(number + 25) % 50}.txt").unlink(missing_ok=True)
                    number += 1

        asyncio.run(go())

    writer = Thread(target=write)
    writer.start()
    try:
        while len(written) < 20:
            stop.wait(0.01)
        known = written[-1]
        path = copied(settings)
    finally:
        stop.set()
        writer.join()
    new = elsewhere(settings)
    restore_copy(new, path, keys=keys_of(settings))
    _, cursors, _ = asyncio.run(everything(new))
    assert cursors == list(range(1, len(cursors) + 1))
    assert len(cursors) >= known


def test_links_of_learners_lead_nowhere(settings: Settings) -> None:
    secret = settings.state.parent / "secret"
    secret.mkdir()
    (secret / "hidden").write_text("hidden tests")
    home = settings.state / "homes" / "amy"
    (home / "file").symlink_to(secret / "hidden")
    (home / "folder").symlink_to(secret)
    (home / "up").symlink_to("../../credentials.json")
    os.mkfifo(home / "pipe")
    path = settings.state.parent / "copy.tar"
    assert make_copy(settings, path).skipped == ("homes/amy/pipe",)
    assert b"hidden tests" not in path.read_bytes()
    new = elsewhere(settings)
    restored = restore_copy(new, path, keys=keys_of(settings))
    assert set(restored.skipped) == {"homes/amy/file", "homes/amy/folder"}
    assert {entry.name for entry in (new.state / "homes" / "amy").iterdir()} == {"work", "up"}


def test_nothing_is_written_through_a_link_or_outside(tmp_path: Path) -> None:
    """A forged archive: links before the files that would go through them, a link in another's place, names that climb."""
    archive, folder, outside = tmp_path / "forged.tar", tmp_path / "new", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    with tarfile.open(archive, "w") as tar:
        for name, target in (
            ("away", str(outside)),
            ("up", ".."),
            ("up2", "deep/../../outside"),
            ("out", ".."),
            ("round", "out/outside"),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name in ("away/evil", "up/evil", "../evil", "/evil", "deep/good", "s"):
            file = tarfile.TarInfo(name)
            file.size, file.mode = 4, 0o6777
            tar.addfile(file, io.BytesIO(b"evil"))
        hard, device = tarfile.TarInfo("hard"), tarfile.TarInfo("device")
        hard.type, hard.linkname, device.type = tarfile.LNKTYPE, "deep/good", tarfile.CHRTYPE
        tar.addfile(hard)
        tar.addfile(device)
    tree = Tree(folder)
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            tree.add(tar, member, member.name)
    tree.link()
    assert list(outside.iterdir()) == []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["forged.tar", "new", "outside"]
    assert [entry for entry in folder.rglob("*") if entry.is_symlink()] == []
    assert set(tree.skipped) == {"../evil", "/evil", "away", "up", "up2", "out", "round", "hard", "device"}
    assert (folder / "s").stat().st_mode & 0o7777 == 0o755
    assert tree.files == 4


def test_keys_stay_out_unless_asked_for(settings: Settings) -> None:
    path = copied(settings)
    key = keys_of(settings).read_bytes().strip()
    assert key not in path.read_bytes()
    assert b"amy@example.org" not in path.read_bytes()
    with pytest.raises(Exception, match=r"keys that are not here \([0-9a-f]{8}\)"):
        restore_copy(elsewhere(settings), path)
    assert not elsewhere(settings).state.exists()
    restore_copy(elsewhere(settings), path, without_keys=True)
    ensure_keys(elsewhere(settings))
    profile = asyncio.run(everything(elsewhere(settings)))[0].profile
    assert profile is not None
    assert (profile.user, profile.display_name, profile.email) == ("amy", "", "")
    with_keys = settings.state.parent / "with-keys.tar"
    make_copy(settings, with_keys, with_keys=True)
    third = replace(settings, state=settings.state.parent / "third")
    restore_copy(third, with_keys)
    assert asyncio.run(everything(third)) == asyncio.run(everything(settings))


def test_an_empty_folder_such_as_a_mounted_volume_is_taken(settings: Settings) -> None:
    new = elsewhere(settings)
    new.state.mkdir()
    place = new.state.stat().st_ino
    path = copied(settings)
    with pytest.raises(Exception, match="keys that are not here"):
        restore_copy(new, path)
    assert list(new.state.iterdir()) == []
    restore_copy(new, path, keys=keys_of(settings))
    assert new.state.stat().st_ino == place
    assert asyncio.run(everything(new)) == asyncio.run(everything(settings))


def changed_byte(body: bytes) -> bytes:
    place = body.index(b"x = 'a") if b"x = 'a" in body else body.index(b"e2")
    return body[:place] + b"X" + body[place + 1 :]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body: body[: len(body) // 2], "cut off"),
        (lambda body: body[:-12000], "cut off"),
        (lambda _: b"", "cut off"),
        (lambda _: b"no archive" * 2000, "no tar archive"),
        (changed_byte, "not as it was written"),
        (lambda body: body.replace(b'"format": 1', b'"format": 9'), "a format that this version cannot read"),
    ],
)
def test_a_damaged_copy_is_refused_before_anything_is_touched(settings: Settings, change: object, reason: str) -> None:
    path = copied(settings)
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(Exception, match=reason):
        restore_copy(elsewhere(settings), path, keys=keys_of(settings))
    assert sorted(place.name for place in settings.state.parent.iterdir()) == ["copy.tar", "state"]


def test_another_tar_archive_is_refused(settings: Settings) -> None:
    path = settings.state.parent / "other.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("state/../../evil"), io.BytesIO())
    with pytest.raises(Exception, match="no copy of nbcoach"):
        restore_copy(elsewhere(settings), path)


def run(settings: Settings, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--state", str(settings.state)])


def test_the_commands(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    path = settings.state.parent / "copy.tar"
    made = run(settings, "backup", path, "--json")
    assert (made.exit_code, json.loads(made.stdout)["rows"]) == (0, 6), made.output
    again = run(settings, "backup", path)
    assert (again.exit_code, again.stderr) == (2, f"Error: {path} exists already.\n")
    inside = run(settings, "backup", settings.state / "copy.tar")
    assert (inside.exit_code, "lies in the state folder" in inside.stderr) == (2, True)
    nowhere = run(settings, "backup", settings.state.parent / "no" / "copy.tar")
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (2, True)
    full = run(settings, "restore", path)
    assert (full.exit_code, "is not empty" in full.stderr) == (2, True)
    done = run(elsewhere(settings), "restore", path, "--keys", keys_of(settings))
    assert done.exit_code == 0, done.output
    assert f"{elsewhere(settings).state}: 6 records and 5 files." in done.stdout
    missing = run(replace(settings, state=settings.state / "none"), "backup", settings.state.parent / "x.tar")
    assert (missing.exit_code, "does not exist" in missing.stderr) == (2, True)
    monkeypatch.setenv("NBCOACH_STATE", str(settings.state))
    told = CliRunner().invoke(main, ["backup", str(settings.state.parent / "y.tar"), "--json"])
    assert json.loads(told.stdout)["rows"] == 6
