"""Restore a copy into a new state folder and an empty store.

Theory of operation: the copy is read through first, and nothing is touched unless all of it is as
it was written. All of it is built in a folder inside the state folder, which may be a mounted volume,
and moved up when it is whole, an embedded store with it. A server's store has no such moment: its
rows are loaded before, and where that fails the database has to be dropped before the next try,
which is refused until it is empty.

Homes hold what learners put there: links that lead out of the folder, and anything that is neither
file, folder nor link, stay out.
"""

from __future__ import annotations

import asyncio
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO

from nbcoach_exercises.errors import Conflict, InvalidInput

from ..credentials import write_private
from ..settings import Settings
from ..storage import Keyring, Store, open_store
from ..storage.codec import sealing_key, without_sealed
from ..storage.tables import TABLES, Row
from .archive import STATE, STORE, Manifest, row_of, verify
from .tree import Tree

_PAGE = 500


@dataclass(frozen=True)
class Restored:
    """What a copy held; `skipped` are links that lead out of the state folder."""

    manifest: Manifest
    files: int
    skipped: tuple[str, ...]


def restore_copy(settings: Settings, path: Path, *, keys: Path | None = None, without_keys: bool = False) -> Restored:
    """Restore a copy into the state folder and the store that the settings name.

    Args:
        settings: where to; the folder must not exist or be empty, and so must the store.
        path: the copy.
        keys: a file of keys for the fields that are encrypted, to become that of the state folder.
        without_keys: empty the encrypted fields whose key is not there, instead of refusing.

    Raises:
        InvalidCopy: the file is no whole copy.
        InvalidInput: there is something already, or a key is missing.

    """
    manifest = verify(path)
    made = not settings.state.exists()
    if not made and (not settings.state.is_dir() or any(settings.state.iterdir())):
        raise InvalidInput(f"{settings.state} is not empty: name a new folder with --state.")
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = Path(tempfile.mkdtemp(dir=settings.state, prefix=".restoring-"))
    try:
        with tempfile.TemporaryFile() as rows:
            tree = _extract(path, beside, rows)
            rows.seek(0)
            within = replace(settings, state=beside)
            if keys is not None:
                write_private(beside / "keys", keys.read_text("utf-8", "replace"))
                within = replace(within, keys="", keys_file=None)
            missing = set(manifest.keys) - set(_keyring(within).ids)
            if missing and not without_keys:
                raise InvalidInput(
                    f"Fields are encrypted with keys that are not here ({', '.join(sorted(missing))}): name the file "
                    "with --keys, or lose names, addresses and comments with --without-keys."
                )
            asyncio.run(_load(within, rows, missing))
        for place in beside.iterdir():
            place.rename(settings.state / place.name)
        beside.rmdir()
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        if made:
            settings.state.rmdir()
        raise
    return Restored(manifest, tree.files, tuple(tree.skipped))


def _extract(path: Path, folder: Path, rows: IO[bytes]) -> Tree:
    tree = Tree(folder)
    with tarfile.open(path, "r|*") as tar:
        for member in tar:
            if member.name == STORE:
                shutil.copyfileobj(tar.extractfile(member) or _no_file(), rows)
            elif member.name.startswith(STATE):
                tree.add(tar, member, member.name.removeprefix(STATE))
    tree.link()
    return tree


def _no_file() -> IO[bytes]:
    raise InvalidInput(f"{STORE} is no file.")


def _keyring(settings: Settings) -> Keyring:
    given = settings.keys or settings.keys_path.exists()
    return Keyring.from_environment(settings.keys_environment()) if given else Keyring()


async def _load(settings: Settings, file: IO[bytes], missing: set[str]) -> None:
    async with open_store(settings.store_url, Keyring()) as store:
        if not await _is_empty(store):
            raise InvalidInput("The store is not empty: drop its database, or name another.")
        rows = _rows(file, missing)
        while page := list(islice(rows, _PAGE)):
            try:
                await store.load(page)
            except Conflict as err:
                raise InvalidInput("Somebody else writes to the store: stop the platform first.") from err


async def _is_empty(store: Store) -> bool:
    async for _ in store.dump():
        return False
    return True


def _rows(file: IO[bytes], missing: set[str]) -> Iterator[tuple[str, Row]]:
    tables = {table.name: table for table in TABLES}
    for line in file:
        name, row = row_of(line)
        yield name, (without_sealed(tables[name], row) if sealing_key(row) in missing else row)
