"""The API of accounts: one's own, which has no name in any path, and for administrators everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbcoach_exercises.errors import InvalidInput, NotAllowed

from ..credentials import USER_NAME, Standing
from ..identity.changes import CHANGE
from ..service import ACCOUNT, ADMIN, LEARN, TEACH, Handler, scoped
from ..service.auth import Identity, token_of
from .desk import Actor, Desk
from .forms import PROFILE, audited_to_json, export_header, profile_to_json

if TYPE_CHECKING:
    from tornado.web import RequestHandler

_NAME = r"([^/]{1,200})"
_HIGHEST = 2**53


class AccountsHandler(Handler):
    """Know the desk, and who stands before it."""

    @property
    def desk(self) -> Desk:
        """The desk of the service."""
        desk: Desk = getattr(self.service, "desk")  # noqa: B009
        return desk

    async def caller(self) -> Identity:
        """Return who is calling; for a change the hub is asked anew, so that who was deleted leaves nothing behind."""
        token = token_of(self.request.headers)
        return await self.service.authenticator.identify(token, fresh=self.request.method != "GET")

    @property
    def actor(self) -> Actor:
        """The caller.

        Raises:
            NotAllowed: the caller is a service.

        """
        if self.identity.kind != "user":
            raise NotAllowed("Only users have a profile.")
        return Actor(self.identity.name, token_of(self.request.headers), self.request_id)


class ProfileHandler(AccountsHandler):
    """Serve the caller's profile."""

    @scoped(ACCOUNT, LEARN, TEACH)
    async def get(self) -> None:
        """Answer with the profile, an empty one if none was written."""
        self.reply(profile_to_json(await self.desk.profile(self.actor.name)))

    @scoped(ACCOUNT, LEARN, TEACH)
    async def put(self) -> None:
        """Write the profile as a whole."""
        actor, body = self.actor, self.json_body(PROFILE)
        self.reply(profile_to_json(await self.desk.write_profile(actor, body, guarded=self.identity.holds(ACCOUNT))))

    @scoped(ACCOUNT)
    async def delete(self) -> None:
        """Delete the profile."""
        self.reply({"deleted": await self.desk.delete_profile(self.actor)})


class ProgressHandler(AccountsHandler):
    """Serve how far the caller is."""

    @scoped(ACCOUNT, LEARN, TEACH)
    async def get(self) -> None:
        """Answer with tries, points and what is solved, by course and exercise."""
        self.reply(await self.desk.progress(self.actor.name))


class ExportHandler(AccountsHandler):
    """Serve everything that is kept about the caller."""

    @scoped(ACCOUNT)
    async def get(self) -> None:
        """Answer with all records."""
        body = await self.desk.export(self.actor, self.actor.name)
        self.set_header("Content-Disposition", export_header(body))
        self.reply(body)


class DataHandler(AccountsHandler):
    """Erase everything that is kept about the caller."""

    @scoped(ACCOUNT)
    async def delete(self) -> None:
        """Erase it for good."""
        self.reply({"erased": await self.desk.erase(self.actor, self.actor.name)})


class UsersHandler(AccountsHandler):
    """List accounts for administrators."""

    @scoped(ADMIN)
    async def get(self) -> None:
        """Answer with a page of accounts."""
        standing = self.get_query_argument("standing", "")
        if standing not in ("", *Standing):
            raise InvalidInput(f"standing: one of {', '.join(Standing)} is needed.", place="standing")
        query = {
            "q": self.get_query_argument("q", "")[:64],
            "standing": standing,
            "offset": str(self.whole("offset", 0, 0, 10**9)),
            "limit": str(self.whole("limit", 50, 1, 200)),
        }
        self.reply(await self.desk.users(self.actor, **query))


class UserHandler(AccountsHandler):
    """Serve one account to administrators."""

    @scoped(ADMIN)
    async def get(self, name: str) -> None:
        """Answer with the account and the profile."""
        account = await self.desk.user(self.actor, known_form(name))
        self.reply({**account, "profile": profile_to_json(await self.desk.profile(name))})

    @scoped(ADMIN)
    async def patch(self, name: str) -> None:
        """Change standing, role or courses."""
        self.reply(await self.desk.change(self.actor, known_form(name), self.json_body(CHANGE)))

    @scoped(ADMIN)
    async def delete(self, name: str) -> None:
        """Delete the account; with `data=erase` also what is kept about its user."""
        data = self.get_query_argument("data", "keep")
        if data not in ("keep", "erase"):
            raise InvalidInput("data: 'keep' or 'erase' is needed.", place="data")
        self.reply({"erased": await self.desk.delete(self.actor, known_form(name), data=data == "erase")})


class UserProgressHandler(AccountsHandler):
    """Serve how far a user is to administrators."""

    @scoped(ADMIN)
    async def get(self, name: str) -> None:
        """Answer with tries, points and what is solved, by course and exercise."""
        await self.desk.user(self.actor, known_form(name))
        self.reply(await self.desk.progress(name))


class UserDataHandler(AccountsHandler):
    """Serve and erase what is kept about a user, also of one whose account is gone."""

    @scoped(ADMIN)
    async def get(self, name: str) -> None:
        """Answer with all records."""
        self.reply(await self.desk.export(self.actor, known_form(name)))

    @scoped(ADMIN)
    async def delete(self, name: str) -> None:
        """Erase it for good."""
        self.reply({"erased": await self.desk.erase(self.actor, known_form(name))})


class AuditHandler(AccountsHandler):
    """Serve the audit trail to administrators."""

    @scoped(ADMIN)
    async def get(self) -> None:
        """Answer with entries, newest first, by or about `user`, with numbers below `before`."""
        user = self.get_query_argument("user", "") or None
        before = self.whole("before", 0, 1, _HIGHEST) or None
        found = await self.desk.trail(known_form(user) if user else None, before, self.whole("limit", 100, 1, 500))
        self.reply({"entries": [audited_to_json(audited) for audited in found]})


def known_form(name: str) -> str:
    """Return a name that can be a user's.

    Raises:
        InvalidInput: this one cannot.

    """
    if USER_NAME.fullmatch(name) is None:
        raise InvalidInput("name: this can be no user name.", place="name")
    return name


ROUTES: tuple[tuple[str, type[RequestHandler]], ...] = (
    (r"api/profile", ProfileHandler),
    (r"api/profile/progress", ProgressHandler),
    (r"api/profile/export", ExportHandler),
    (r"api/profile/data", DataHandler),
    (r"api/users", UsersHandler),
    (rf"api/users/{_NAME}", UserHandler),
    (rf"api/users/{_NAME}/progress", UserProgressHandler),
    (rf"api/users/{_NAME}/data", UserDataHandler),
    (r"api/audit", AuditHandler),
)
