"""Errors of stores that no caller of the API can cause; a service that meets one answers 503.

Unavailable
├── InvalidStoreUrl      the setting names no store
├── InvalidKeys          the setting holds no usable keys
├── IncompatibleStore    the data was written by a newer nbcoach
└── KeyMissing           a field was encrypted with a key that is not there
"""

from __future__ import annotations

from nbcoach_exercises.errors import Unavailable


class InvalidStoreUrl(Unavailable):
    """The setting NBCOACH_STORE_URL names no store."""

    def __init__(self, url: str) -> None:
        shown = url.rpartition("@")[2]
        super().__init__(
            f"{shown!r} is no store: use a URL like sqlite:////var/lib/nbcoach/store.sqlite "
            "or mongodb://user:password@host/nbcoach."
        )


class InvalidKeys(Unavailable):
    """A list of keys holds something else; the message never repeats it."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source} holds no usable keys: {reason}.")


class IncompatibleStore(Unavailable):
    """The data was written by a newer nbcoach than this one."""

    def __init__(self, place: str, unknown: list[str]) -> None:
        names = ", ".join(unknown)
        super().__init__(
            f"The store {place} was written by a newer nbcoach (it has had the migrations {names}): "
            "install that version, or restore a copy from before."
        )


class KeyMissing(Unavailable):
    """A field was encrypted with a key that this process does not have."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The store holds fields that were encrypted with the key {key}, which is not here: "
            "put it back into NBCOACH_KEYS or the file of NBCOACH_KEYS_FILE."
        )
