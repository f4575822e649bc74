"""The keys that encrypt sensitive fields: newest first, one of them for writing, all for reading.

Theory of operation: a key is 32 random bytes, kept as 64 hexadecimal digits, one a line, in a file
that only its owner can read (`NBCOACH_KEYS_FILE`), or in the environment (`NBCOACH_KEYS`, separated
by `;`). What encrypts is derived from it for one purpose, so the store's fields and the hub's auth
state share a file of keys and no key. A sealed text is `<id of the key>.<Fernet token>`; the token
holds what the text belongs to, so it opens nowhere else: somebody who can write to the database
cannot give one user another one's address. The file is read again when it has changed, so a new
key reaches running services without a restart.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import InvalidKeys, KeyMissing

_STORE = b"nbcoach store"
_HUB = b"jupyterhub auth state"
_KEY_BYTES = 32


class Keyring:
    """Seal and open texts.

    Args:
        keys: the keys, newest first.
        file: where they came from, to look there again; None if they cannot change.

    """

    def __init__(self, keys: Sequence[bytes] = (), file: Path | None = None) -> None:
        self._file = file
        self._stamp = _stamp(file) if file else None
        self._take(keys)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Keyring:
        """Read NBCOACH_KEYS, or the file that NBCOACH_KEYS_FILE names; without both, nothing is sealed.

        Raises:
            InvalidKeys: what is there are no keys, or cannot be read.

        """
        told = os.environ if environ is None else environ
        if told.get("NBCOACH_KEYS"):
            return cls(_parsed(told["NBCOACH_KEYS"].replace(";", "\n"), "NBCOACH_KEYS"))
        if told.get("NBCOACH_KEYS_FILE"):
            return cls.from_file(Path(told["NBCOACH_KEYS_FILE"]))
        return cls()

    @classmethod
    def from_file(cls, file: Path) -> Keyring:
        """Read a file of keys.

        Raises:
            InvalidKeys: it holds something else, or cannot be read.

        """
        return cls(_read(file), file)

    @property
    def ids(self) -> list[str]:
        """The ids of the keys, newest first; an id says nothing about its key."""
        self._refresh()
        return list(self._fernets)

    def seal(self, value: Any, place: str) -> str | None:
        """Return a JSON value as sealed text that opens at `place` only; None without a key."""
        self._refresh()
        if not self._fernets:
            return None
        newest, fernet = next(iter(self._fernets.items()))
        return f"{newest}.{fernet.encrypt(json.dumps([place, value]).encode()).decode()}"

    def open(self, text: str, place: str) -> Any:
        """Return what was sealed.

        Raises:
            KeyMissing: it was sealed with a key that is not here, or for another place.

        """
        key, _, token = text.partition(".")
        if key not in self._fernets:
            self._refresh()
        try:
            where, value = json.loads(self._fernets[key].decrypt(token))
        except (KeyError, InvalidToken) as err:
            raise KeyMissing(key) from err
        if where != place:
            raise KeyMissing(key)
        return value

    def is_newest(self, text: str) -> bool:
        """Return whether a text was sealed with the newest key."""
        return text.partition(".")[0] == next(iter(self.ids), None)

    def hub_keys(self) -> list[bytes]:
        """Return the keys for JupyterHub's encrypted auth state, newest first."""
        self._refresh()
        return [_derived(key, _HUB) for key in self._keys]

    def _refresh(self) -> None:
        if self._file is None:
            return
        stamp = _stamp(self._file)
        if stamp is not None and stamp != self._stamp:
            self._take(_read(self._file))
            self._stamp = stamp

    def _take(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._fernets = {key_id(key): Fernet(urlsafe_b64encode(_derived(key, _STORE))) for key in keys}


def new_key() -> bytes:
    """Return a fresh key."""
    return secrets.token_bytes(_KEY_BYTES)


def key_id(key: bytes) -> str:
    """Return a name for a key that says nothing about it."""
    return hashlib.sha256(b"nbcoach key id" + key).hexdigest()[:8]


def keys_text(keys: Sequence[bytes]) -> str:
    """Return the text of a file of keys."""
    return "".join(f"{key.hex()}\n" for key in keys)


def read_keys(file: Path) -> list[bytes]:
    """Return the keys in a file, newest first; none if there is no file.

    Raises:
        InvalidKeys: it holds something else, or cannot be read.

    """
    return _read(file) if file.exists() else []


def _read(file: Path) -> list[bytes]:
    try:
        text = file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidKeys(str(file), f"it cannot be read ({type(err).__name__})") from err
    return _parsed(text, str(file))


def _parsed(text: str, source: str) -> list[bytes]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise InvalidKeys(source, "it is empty")
    keys = []
    for number, line in enumerate(lines, 1):
        try:
            key = bytes.fromhex(line)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise InvalidKeys(source, f"key {number} is not {2 * _KEY_BYTES} hexadecimal digits")
        keys.append(key)
    return keys


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
