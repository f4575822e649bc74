"""The routes of profiles: always the caller's own, so there is no name in any path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbcoach_exercises.errors import InvalidInput, NotAllowed
from nbcoach_exercises.events import Attempt, Logged, entry_to_json

from ..service import LEARN, TEACH, Handler, scoped
from ..storage import Profile, Store, Submission
from ..storage.records import LANGUAGES

if TYPE_CHECKING:
    from tornado.web import RequestHandler

_SCALAR = {"type": ["string", "number", "boolean", "null"], "maxLength": 500}
PROFILE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 64},
        "display_name": {"type": "string", "maxLength": 100},
        "language": {"enum": list(LANGUAGES)},
        "goals": {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 64}},
        "preferences": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": "^[a-z0-9_.-]{1,64}$"},
            "additionalProperties": _SCALAR,
        },
    },
}
"""What may be written; `openapi.json` says the same."""

_PAGE = 500


class OwnHandler(Handler):
    """Serve what belongs to the caller."""

    @property
    def store(self) -> Store:
        """The store of the service."""
        store: Store = getattr(self.service, "store")  # noqa: B009
        return store

    @property
    def user(self) -> str:
        """The caller's name.

        Raises:
            NotAllowed: the caller is a service.

        """
        if self.identity.kind != "user":
            raise NotAllowed("Only users have a profile.")
        return self.identity.name


class ProfileHandler(OwnHandler):
    """Serve the caller's profile."""

    @scoped(LEARN, TEACH)
    async def get(self) -> None:
        """Answer with the profile, an empty one if none was written."""
        profile = await self.store.profile(self.user)
        self.reply(profile_to_json(profile or Profile(user=self.user)))

    @scoped(LEARN, TEACH)
    async def put(self) -> None:
        """Write the profile as a whole."""
        body = self.json_body(PROFILE)
        if body.pop("name", self.user) != self.user:
            raise InvalidInput("name: a profile cannot be renamed.", place="name")
        profile = Profile(user=self.user, **{**body, "goals": tuple(body.get("goals", ()))})
        await self.store.put_profile(profile)
        self.reply(profile_to_json(profile))

    @scoped(LEARN, TEACH)
    async def delete(self) -> None:
        """Delete the profile."""
        self.reply({"deleted": await self.store.delete_profile(self.user)})


class ExportHandler(OwnHandler):
    """Serve everything that is kept about the caller."""

    @scoped(LEARN, TEACH)
    async def get(self) -> None:
        """Answer with profile, attempts, events and submissions."""
        profile = await self.store.profile(self.user)
        entries: list[Logged] = []
        while page := await self.store.history(self.user, entries[-1].cursor if entries else 0, _PAGE):
            entries += page
        submissions = await self.store.submissions(self.user)
        attempts = [item.entry for item in entries if isinstance(item.entry, Attempt)]
        events = [item.entry for item in entries if not isinstance(item.entry, Attempt)]
        self.set_header("Content-Disposition", 'attachment; filename="nbcoach-export.json"')
        self.reply(
            {
                "profile": profile_to_json(profile or Profile(user=self.user)),
                "attempts": [entry_to_json(entry) for entry in attempts],
                "events": [entry_to_json(entry) for entry in events],
                "submissions": [submission_to_json(submission) for submission in submissions],
            }
        )


def profile_to_json(profile: Profile) -> dict[str, Any]:
    """Return the JSON form of a profile."""
    return {
        "name": profile.user,
        "display_name": profile.display_name,
        "language": profile.language,
        "goals": list(profile.goals),
        "preferences": dict(profile.preferences),
    }


def submission_to_json(submission: Submission) -> dict[str, Any]:
    """Return the JSON form of a submission."""
    return {
        "id": submission.id,
        "course": submission.course,
        "exercise": submission.exercise,
        "version": submission.version,
        "sources": dict(submission.sources),
        "points": submission.points,
        "max_points": submission.max_points,
        "at": submission.at.isoformat(),
    }


ROUTES: tuple[tuple[str, type[RequestHandler]], ...] = (
    (r"api/profile", ProfileHandler),
    (r"api/profile/export", ExportHandler),
)
