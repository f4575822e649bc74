"""Errors of stores that no caller of the API can cause.

ValueError
└── InvalidStoreUrl      the setting names no store
RuntimeError
└── IncompatibleStore    the data was written by a newer nbcoach
"""

from __future__ import annotations


class InvalidStoreUrl(ValueError):
    """The setting NBCOACH_STORE_URL names no store."""

    def __init__(self, url: str) -> None:
        shown = url.partition("@")[2] or url
        super().__init__(f"{shown!r} is no store: use a URL like sqlite:////var/lib/nbcoach/store.sqlite.")


class IncompatibleStore(RuntimeError):
    """The data was written by a newer nbcoach than this one."""

    def __init__(self, place: str, unknown: list[str]) -> None:
        names = ", ".join(unknown)
        super().__init__(
            f"The store {place} was written by a newer nbcoach (it has had the migrations {names}): "
            "install that version, or restore a copy from before."
        )
