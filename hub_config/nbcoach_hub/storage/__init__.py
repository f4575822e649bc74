"""Where attempts, events, profiles, submissions and the recommender's state are kept.

`open_store(url)` returns the backend for a URL; everything else is the contract in `abc`.
"""

from __future__ import annotations

from .abc import Store
from .errors import IncompatibleStore, InvalidStoreUrl
from .opening import open_store
from .records import Comment, Notification, Occasion, Profile, Submission, work_hash

__all__ = [
    "Comment",
    "IncompatibleStore",
    "InvalidStoreUrl",
    "Notification",
    "Occasion",
    "Profile",
    "Store",
    "Submission",
    "open_store",
    "work_hash",
]
