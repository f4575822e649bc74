"""The file of a copy: a tar archive that ends with a manifest.

    state/…             the state folder: accounts, members, the hub's database, homes
    store.jsonl         the rows of the store, one a line, of whichever backend
    manifest.json       what this is, and the SHA-256 of each file; a copy that was cut off has none

The store's rows do not depend on the backend, so a copy moves a store from one to another.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from nbcoach_exercises.errors import InvalidInput

from ..storage.tables import Row

FORMAT = 1
MANIFEST, STORE, STATE = "manifest.json", "store.jsonl", "state/"
_BLOCK = 1 << 20


class InvalidCopy(InvalidInput):
    """A file is no copy, was cut off, or was changed."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be restored: {reason}.")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a copy says of itself; `keys` are the ids of the keys that fields were encrypted with."""

    version: str
    at: str
    rows: int
    keys: tuple[str, ...]
    sums: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT


class Writer:
    """Write the members of a copy and remember their checksums."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by `close`
        self._sums: dict[str, str] = {}

    def add_file(self, name: str, file: IO[bytes], size: int, mode: int = 0o600, mtime: float = 0) -> None:
        """Add a file of a known size."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, mode, int(mtime)
        hashing = _Hashing(file)
        self._tar.addfile(member, hashing)
        self._sums[name] = hashing.digest.hexdigest()

    def add_text(self, name: str, text: str) -> None:
        """Add a file with this text."""
        body = text.encode()
        self.add_file(name, io.BytesIO(body), len(body))

    def add_folder(self, name: str, mode: int) -> None:
        """Add a folder."""
        member = tarfile.TarInfo(name)
        member.type, member.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(member)

    def add_link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(member)

    def close(self, manifest: Manifest) -> None:
        """Add the manifest and end the archive."""
        self.add_text(MANIFEST, json.dumps(asdict(replace(manifest, sums=self._sums)), indent=0))
        self._tar.close()


def verify(path: Path) -> Manifest:
    """Read a copy through, and return its manifest if every file in it is as it was written.

    Raises:
        InvalidCopy: it is not.

    """
    sums: dict[str, str] = {}
    last = b""
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file is not None:
                    hashing = _Hashing(file)
                    last = hashing.read() if member.name == MANIFEST else hashing.drain()
                    sums[member.name] = hashing.digest.hexdigest()
    except (tarfile.TarError, EOFError, zlib.error) as err:
        raise InvalidCopy(path, "it is no tar archive, or was cut off") from err
    except OSError as err:
        raise InvalidCopy(path, f"it cannot be read ({err.strerror or err})") from err
    sums.pop(MANIFEST, None)
    try:
        told = json.loads(last)
        manifest = Manifest(**{**told, "keys": tuple(told["keys"])})
    except (KeyError, ValueError, TypeError) as err:
        raise InvalidCopy(path, "it is no copy of nbcoach, or was cut off") from err
    if manifest.format != FORMAT:
        raise InvalidCopy(path, f"nbcoach {manifest.version} made it, in a format that this version cannot read")
    changed = sorted(name for name in sums.keys() | manifest.sums.keys() if sums.get(name) != manifest.sums.get(name))
    if changed:
        raise InvalidCopy(path, f"{changed[0]!r} in it is not as it was written ({len(changed)} such files)")
    return manifest


def row_line(table: str, row: Row) -> bytes:
    """Return a row of the store as a line."""
    return json.dumps([table, row.number, row.key, dict(row.columns), row.body], separators=(",", ":")).encode() + b"\n"


def row_of(line: bytes) -> tuple[str, Row]:
    """Return the row of a line."""
    table, number, key, columns, body = json.loads(line)
    return table, Row(key, body, columns, number)


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._file.read(size)
        self.digest.update(block)
        return block

    def drain(self) -> bytes:
        while self.read(_BLOCK):
            continue
        return b""
