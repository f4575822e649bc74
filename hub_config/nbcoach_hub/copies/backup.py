"""Make a copy of everything while the platform runs.

Theory of operation: what must agree is read in an order that keeps it so. The recommender's state
comes before the store, since it may lag behind the log but never be ahead of it. Rows of the store
are those of one moment (SQLite), or each table up to one moment (MongoDB). SQLite databases go
through SQLite's own online backup. Homes belong to learners, who may change them meanwhile, and put
links in place of folders: every file is opened in its folder without following a link.

The copy is written beside its place, readable for its owner only, and gets its name when it is whole.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.identifiers import now

from .. import __version__
from ..settings import Settings
from ..storage import Keyring, open_store
from ..storage.codec import sealing_key
from .archive import STATE, STORE, Manifest, Writer, row_line

HOMES = "homes"
_LEFT_OUT = frozenset({"logs", "servers", "lock", "proxy.pid", "jupyterhub_config.py"})
"""What belongs to a running hub, or is made anew at each start."""

_DATABASE = ".sqlite"
_SPOOL = 8 << 20


@dataclass(frozen=True)
class Copied:
    """What a copy holds; `skipped` are files that vanished meanwhile or are none, such as sockets."""

    bytes: int
    rows: int
    files: int
    skipped: tuple[str, ...]


def make_copy(settings: Settings, path: Path, *, with_keys: bool = False, with_homes: bool = True) -> Copied:
    """Copy the state folder and the store into a new file.

    Raises:
        InvalidInput: there is a file of that name, or it cannot be made there.
        Unavailable: the store cannot be read.

    """
    if path.exists():
        raise InvalidInput(f"{path} exists already.")
    if path.absolute().is_relative_to(settings.state):
        raise InvalidInput(f"{path} lies in the state folder, which is what is copied.")
    try:
        handle, beside = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    except OSError as err:
        raise InvalidInput(f"{path} cannot be written: {err.strerror}.") from err
    try:
        with os.fdopen(handle, "wb") as file:
            copy = _Copy(settings.state, Writer(file))
            rows = copy.write(settings, with_keys, with_homes)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        Path(beside).rename(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        raise
    return Copied(size, rows, copy.files, tuple(copy.skipped))


class _Copy:
    """Add parts of a state folder to an archive."""

    def __init__(self, state: Path, writer: Writer) -> None:
        self._state = state
        self._writer = writer
        self.files = 0
        self.skipped: list[str] = []

    def write(self, settings: Settings, with_keys: bool, with_homes: bool) -> int:
        """Write everything, and return how many rows the store has."""
        keys = {settings.keys_path.name} if settings.keys_path.parent == self._state and not with_keys else set()
        names = {path.name for path in self._state.iterdir()} - _LEFT_OUT - keys
        databases = {name for name in names if name.endswith(_DATABASE)}
        beside = {name for name in names if _DATABASE + "-" in name}
        for name in sorted(names - databases - beside - {HOMES}):
            self._add(name)
        with tempfile.TemporaryFile() as rows:
            count, sealing = asyncio.run(_dump(settings, rows))
            self._writer.add_file(STORE, rows, _rewound(rows))
        own = settings.store_url.removeprefix("sqlite:///").partition("?")[0]
        for name in sorted(databases):
            if self._state / name != Path(own):
                self._add_database(name)
        if with_homes and HOMES in names:
            self._add(HOMES)
        self._writer.close(Manifest(version=__version__, at=now().isoformat(), rows=count, keys=tuple(sorted(sealing))))
        return count

    def _add(self, name: str) -> None:
        """Add a file, or a folder with all that is in it."""
        folder = os.open(self._state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._add_entry(folder, name, name)
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return
            for place, folders, files, inside in os.fwalk(name, dir_fd=folder):
                for entry in (*sorted(folders), *sorted(files)):
                    self._add_entry(inside, entry, f"{place}/{entry}")
        finally:
            os.close(folder)

    def _add_entry(self, folder: int, entry: str, name: str) -> None:
        try:
            found = os.stat(entry, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                self._writer.add_link(STATE + name, os.readlink(entry, dir_fd=folder))
            elif stat.S_ISDIR(found.st_mode):
                self._writer.add_folder(STATE + name, stat.S_IMODE(found.st_mode))
            elif stat.S_ISREG(found.st_mode):
                self._add_file(folder, entry, name)
            else:
                self.skipped.append(name)
        except OSError:
            self.skipped.append(name)

    def _add_file(self, folder: int, entry: str, name: str) -> None:
        handle = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(handle, "rb") as file, tempfile.SpooledTemporaryFile(_SPOOL) as steady:
            found = os.fstat(handle)
            left = found.st_size  # no more than that: a file may grow as fast as it is read
            while left and (block := file.read(min(left, 1 << 20))):
                left -= len(block)
                steady.write(block)
            self._writer.add_file(STATE + name, steady, _rewound(steady), stat.S_IMODE(found.st_mode), found.st_mtime)
        self.files += 1

    def _add_database(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / name
            source = f"file:{self._state / name}?mode=ro"
            with closing(sqlite3.connect(source, uri=True)) as live, closing(sqlite3.connect(target)) as copied:
                live.backup(copied)
            with target.open("rb") as file:
                self._writer.add_file(STATE + name, file, target.stat().st_size)
        self.files += 1


async def _dump(settings: Settings, file: IO[bytes]) -> tuple[int, set[str]]:
    """Write the rows of the store, and return how many there are and the keys that they need."""
    count, keys = 0, set()
    async with open_store(settings.store_url, Keyring()) as store:
        async for table, row in store.dump():
            file.write(row_line(table, row))
            count += bool(row.key)
            keys.add(sealing_key(row))
    return count, {key for key in keys if key is not None}


def _rewound(file: IO[bytes]) -> int:
    """Return the size of a file that was just written, and go back to its start."""
    size = file.tell()
    file.seek(0)
    return size
