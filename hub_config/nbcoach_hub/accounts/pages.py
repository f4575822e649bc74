"""The pages of accounts: one's own account, and for administrators all accounts and the audit trail."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from nbcoach_exercises.errors import InvalidInput, NbcoachError, NotAllowed

from ..credentials import Standing
from ..service import ACCOUNT, ADMIN, PageHandler, scoped
from ..storage import Profile
from .desk import Actor, Desk
from .forms import PROFILE, PURPOSES, export_header
from .routes import known_form

if TYPE_CHECKING:
    from tornado.web import RequestHandler

_ROWS = 50
_ENTRIES = 100


class AccountsPage(PageHandler):
    """Know the desk, who stands before it, and which language he reads."""

    package = "nbcoach_hub.accounts"
    profile: Profile | None = None

    async def prepare(self) -> None:
        """Check the caller, and look his language up."""
        await super().prepare()
        if hasattr(self, "identity") and not self._finished:
            self.profile = await self.desk.written_profile(self.actor.name)

    @property
    def desk(self) -> Desk:
        """The desk of the service."""
        desk: Desk = getattr(self.service, "desk")  # noqa: B009
        return desk

    @property
    def actor(self) -> Actor:
        """Who looks at the page.

        Raises:
            NotAllowed: a service.

        """
        if self.identity.kind != "user":
            raise NotAllowed("Only users have a profile.")
        return Actor(self.identity.name, self.token, self.request_id)

    def language(self) -> str:
        """Return the language that the user chose, else the browser's."""
        return self.profile.language if self.profile is not None else super().language()

    def show(self, template: str, status: int = 200, **values: Any) -> None:
        """Answer with a page that links to those which its reader may see."""
        identity = getattr(self, "identity", None)
        admin = identity is not None and identity.holds(ADMIN)
        super().show(template, status, **{"admin": admin, "here": "", **values})

    def back_to(self, path: str, **query: str) -> None:
        """Show another page after a form was taken."""
        asked = f"?{urlencode(query)}" if query else ""
        self.redirect(f"{self.service.base_url}{path}{asked}", status=303)


class OwnPage(AccountsPage):
    """Show and change one's own account."""

    @scoped(ACCOUNT)
    async def get(self) -> None:
        """Show profile, consents and progress."""
        await self._page(done=self.get_query_argument("done", ""))

    @scoped(ACCOUNT)
    async def post(self) -> None:
        """Take the profile's form."""
        before = self.profile or Profile(user=self.actor.name)
        goals = [line.strip() for line in self.get_body_argument("goals", "").splitlines()]
        body: dict[str, Any] = {
            "display_name": self.get_body_argument("display_name", ""),
            "email": self.get_body_argument("email", ""),
            "language": self.get_body_argument("language", ""),
            "goals": [goal for goal in goals if goal],
            "preferences": {} if self.get_body_argument("forget_preferences", "") else dict(before.preferences),
            "consents": self.get_body_arguments("consents"),
        }
        error = PROFILE.error(body)
        if error is not None:
            place = str(error.absolute_path[0]) if error.absolute_path else "body"
            await self._page(status=400, wrong=place, typed=body)
            return
        await self.desk.write_profile(self.actor, body, guarded=True)
        self.back_to("", done="saved")

    async def _page(self, status: int = 200, done: str = "", wrong: str = "", typed: Any = None) -> None:
        profile = self.profile or Profile(user=self.actor.name)
        shown = {
            "display_name": profile.display_name,
            "email": profile.email,
            "language": self.language(),
            "goals": list(profile.goals),
            "consents": list(profile.consents),
        }
        self.show(
            "own.html",
            status,
            here="own",
            shown={**shown, **(typed or {})},
            given=profile.consents,
            preferences=profile.preferences,
            purposes=PURPOSES,
            passwords=os.environ.get("NBCOACH_LOG_IN", "password") == "password",
            progress=(await self.desk.progress(self.actor.name))["courses"],
            done=done,
            wrong=wrong,
        )


class ExportPage(AccountsPage):
    """Download everything that is kept about oneself."""

    @scoped(ACCOUNT)
    async def get(self) -> None:
        """Answer with a file."""
        body = await self.desk.export(self.actor, self.actor.name)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Content-Disposition", export_header(body))
        self.finish(json.dumps(body, ensure_ascii=False, indent=1))


class ErasePage(AccountsPage):
    """Erase everything that is kept about oneself."""

    @scoped(ACCOUNT)
    async def get(self) -> None:
        """Ask whether that is really meant."""
        self.show("erase.html", here="own", wrong=False)

    @scoped(ACCOUNT)
    async def post(self) -> None:
        """Erase, if the user typed his name."""
        if self.get_body_argument("confirm", "").strip() != self.actor.name:
            self.show("erase.html", 400, here="own", wrong=True)
            return
        await self.desk.erase(self.actor, self.actor.name)
        self.back_to("", done="erased")


class UsersPage(AccountsPage):
    """List accounts."""

    @scoped(ADMIN)
    async def get(self) -> None:
        """Show a page of accounts, and first of all whether somebody waits."""
        wanted, standing = self.get_query_argument("q", "")[:64], self.get_query_argument("standing", "")
        offset = self.get_query_argument("offset", "0")
        first = int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 10 else 0
        asked = standing if standing in [*Standing] else ""
        found = await self.desk.users(self.actor, q=wanted, standing=asked, offset=str(first), limit=str(_ROWS))
        waiting = await self.desk.users(self.actor, standing=str(Standing.PENDING), limit="1")
        query = urlencode({"q": wanted, "standing": asked})
        self.show(
            "users.html",
            here="users",
            found=found,
            waiting=waiting["total"],
            q=wanted,
            standing=asked,
            first=first,
            rows=_ROWS,
            query=query,
            path=quote,
        )


class UserPage(AccountsPage):
    """Show and change one account."""

    @scoped(ADMIN)
    async def get(self, name: str) -> None:
        """Show the account."""
        await self._page(known_form(name), done=self.get_query_argument("done", ""))

    @scoped(ADMIN)
    async def post(self, name: str) -> None:
        """Take one of the page's forms; `action` says which."""
        known_form(name)
        action = self.get_body_argument("action", "")
        if action == "delete":
            await self._delete(name)
            return
        changes: dict[str, dict[str, Any]] = {
            "approve": {"standing": str(Standing.ACTIVE)},
            "disable": {"standing": str(Standing.DISABLED)},
            "roles": {"admin": bool(self.get_body_argument("admin", ""))},
        }
        if action not in changes:
            raise InvalidInput("action: there is no such form.", place="action")
        change = changes[action]
        if action == "roles" and self.get_body_argument("courses", ""):
            change |= {key: self.get_body_arguments(key) for key in ("learns", "teaches")}
        try:
            await self.desk.change(self.actor, name, change)
        except NbcoachError as err:
            await self._page(name, status=400, wrong=err.message)
            return
        back = self.get_body_argument("back", "")
        self.back_to("users" if back == "users" else f"users/{quote(name, safe='')}", done=action)

    async def _delete(self, name: str) -> None:
        if self.get_body_argument("confirm", "").strip() != name:
            await self._page(name, status=400, wrong="Type the user's name to delete the account.")
            return
        try:
            await self.desk.delete(self.actor, name, data=bool(self.get_body_argument("data", "")))
        except NbcoachError as err:
            await self._page(name, status=400, wrong=err.message)
            return
        self.back_to("users", done="deleted")

    async def _page(self, name: str, status: int = 200, done: str = "", wrong: str = "") -> None:
        account = await self.desk.user(self.actor, name)
        offered = await self.desk.users(self.actor, q=name, limit="1")
        self.show(
            "user.html",
            status,
            here="users",
            account=account,
            courses=offered["courses"],
            managed=offered["managed_groups"],
            about=await self.desk.profile(name),
            progress=(await self.desk.progress(name))["courses"],
            done=done,
            wrong=wrong,
        )


class AuditPage(AccountsPage):
    """Show who did what to whom."""

    @scoped(ADMIN)
    async def get(self) -> None:
        """Show entries, newest first."""
        user = self.get_query_argument("user", "").strip()
        before = self.get_query_argument("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
        entries = await self.desk.trail(known_form(user) if user else None, number, _ENTRIES)
        older = f"?{urlencode({'user': user, 'before': entries[-1].number})}" if len(entries) == _ENTRIES else ""
        self.show("audit.html", here="audit", entries=entries, user=user, older=older)


PAGES: tuple[tuple[str, type[RequestHandler]], ...] = (
    (r"", OwnPage),
    (r"export", ExportPage),
    (r"erase", ErasePage),
    (r"users", UsersPage),
    (r"users/([^/]{1,200})", UserPage),
    (r"audit", AuditPage),
)
