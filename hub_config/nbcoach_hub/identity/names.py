"""User names of the hub for people who log in elsewhere."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from ..credentials import USER_NAME

_LONGEST = 48
_HASH = 12
_LOOKS_MADE = re.compile(r".*-[0-9a-f]{12}")


def user_name(claim: str) -> str:
    """Return the user name for what an identity provider calls somebody.

    A claim that may be a user name stays as it is. Any other becomes the part of it that may, followed by a piece of
    its SHA-256, so that no two people get the same name: `Ada.B@x.org` becomes `ada-b-x-org-…`. A claim that looks
    as if it had been made in this way is made anew, so that nobody can take a name that will be another's.

    Raises:
        ValueError: the claim is empty.

    """
    if not claim:
        raise ValueError("an empty claim is nobody's name")
    if USER_NAME.fullmatch(claim) and len(claim) <= _LONGEST and not _LOOKS_MADE.fullmatch(claim):
        return claim
    plain = unicodedata.normalize("NFKD", claim.lower()).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-") or "user"
    return f"{readable}-{hashlib.sha256(claim.encode('utf-8', 'surrogatepass')).hexdigest()[:_HASH]}"
