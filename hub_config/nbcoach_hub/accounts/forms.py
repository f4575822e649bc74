"""What profiles, exports and audit entries look like from outside, and what may be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from nbcoach_exercises.events import Attempt, entry_to_json
from nbcoach_exercises.identifiers import now
from nbcoach_exercises.schemas import Schema

from ..storage import Audited, Export, Profile
from ..storage.records import LANGUAGES

PURPOSES = ("research", "showcase")
"""What users can agree to: that research uses their attempts without a name, that a class is shown their solutions."""

_SCALAR = {"type": ["string", "number", "boolean", "null"], "maxLength": 500}
PROFILE = Schema(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "maxLength": 64},
            "display_name": {"type": "string", "maxLength": 100},
            "email": {"type": "string", "maxLength": 254, "pattern": "^$|^[^@\\s]{1,64}@[^@\\s]{1,189}$"},
            "language": {"enum": list(LANGUAGES)},
            "goals": {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 64}},
            "preferences": {
                "type": "object",
                "maxProperties": 50,
                "propertyNames": {"pattern": "^[a-z0-9_.-]{1,64}$"},
                "additionalProperties": _SCALAR,
            },
            "consents": {"type": "array", "uniqueItems": True, "items": {"enum": list(PURPOSES)}},
        },
    }
)
"""What may be written; `openapi.json` says the same."""

GUARDED = ("email", "consents")
"""What only a user himself may write, not his server; left as it is when it is left out."""


def profile_of(before: Profile, body: Mapping[str, Any]) -> Profile:
    """Return the profile that a body asks for; what is left out gets its default, what is guarded stays."""
    fields = {name: value for name, value in body.items() if name not in ("name", "consents", "goals")}
    at = now()
    agreed = body.get("consents", before.consents)
    return Profile(
        user=before.user,
        **{"email": before.email, **fields},
        goals=tuple(body.get("goals", ())),
        consents={purpose: before.consents.get(purpose, at) for purpose in agreed},
        updated=at,
    )


def without_what_is_equal(before: Profile, after: Profile) -> list[str]:
    """Return the names of the fields that differ; their values are nobody else's business."""
    one, other = (asdict(replace(profile, updated=before.updated)) for profile in (before, after))
    return sorted(name for name in one if one[name] != other[name])


def profile_to_json(profile: Profile) -> dict[str, Any]:
    """Return the JSON form of a profile."""
    return {
        "name": profile.user,
        "display_name": profile.display_name,
        "email": profile.email,
        "language": profile.language,
        "goals": list(profile.goals),
        "preferences": dict(profile.preferences),
        "consents": {purpose: at.isoformat() for purpose, at in sorted(profile.consents.items())},
    }


def export_to_json(export: Export, recommender: Any, missing: list[dict[str, str]]) -> dict[str, Any]:
    """Return the JSON form of everything that is kept about a user.

    Args:
        export: what the store has.
        recommender: what the recommender has, by course.
        missing: parts that could not be had, each with the reason.

    """
    return {
        "user": export.user,
        "missing": missing,
        "profile": profile_to_json(export.profile or Profile(user=export.user)),
        "attempts": [entry_to_json(entry) for entry in export.entries if isinstance(entry, Attempt)],
        "events": [entry_to_json(entry) for entry in export.entries if not isinstance(entry, Attempt)],
        "submissions": [_plain(asdict(record)) for record in export.submissions],
        "comments": [_plain(asdict(record)) for record in export.comments],
        "notifications": [_plain(asdict(record)) for record in export.notifications],
        "audit": [_plain(asdict(record)) for record in export.audit],
        "recommender": recommender,
    }


def export_header(export: Mapping[str, Any]) -> str:
    """Return the header that makes a browser keep an export, under a name that says whether anything is missing."""
    return f'attachment; filename="nbcoach-export{"-incomplete" if export["missing"] else ""}.json"'


def audited_to_json(audited: Audited) -> dict[str, Any]:
    """Return the JSON form of an entry of the audit trail."""
    body: dict[str, Any] = _plain(asdict(audited.entry))
    return {"number": audited.number, **body}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
