"""Where attempts, events, profiles, submissions, comments, notifications and the audit trail are kept.

`open_store(url)` returns a `Store` over the backend that the URL names. Services call its methods
with the records of `records`; `abc` is the contract of backends.

Sensitive fields (a profile's `display_name` and `email`, the text of comments, the `detail` of
notifications and audit entries) are encrypted inside: callers write and read plain records.
"""

from __future__ import annotations

from .errors import IncompatibleStore, InvalidKeys, InvalidStoreUrl, KeyMissing
from .keyring import Keyring
from .opening import open_store, url_from_environment
from .records import Audited, AuditEntry, Comment, Export, Notification, Occasion, Profile, Submission, work_hash
from .store import Store

__all__ = [
    "AuditEntry",
    "Audited",
    "Comment",
    "Export",
    "IncompatibleStore",
    "InvalidKeys",
    "InvalidStoreUrl",
    "KeyMissing",
    "Keyring",
    "Notification",
    "Occasion",
    "Profile",
    "Store",
    "Submission",
    "open_store",
    "url_from_environment",
    "work_hash",
]
