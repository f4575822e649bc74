"""Admission: whether somebody who proved who he is may use the hub, and what every way to log in has in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
from traitlets import Enum, Unicode, default

from nbcoach_exercises.errors import Conflict, UnknownUser

from ..credentials import USER_NAME, Credentials, Standing, locked, write_private
from ..settings import Members
from .api import HANDLERS
from .registration import SignInHandler

_REFUSALS = {
    Standing.PENDING: "Your account waits for the approval of an administrator.",
    Standing.DISABLED: "Your account is disabled. Ask an administrator.",
}
_CLOSED = "There is no account for you here. Ask an administrator."


class Admission(Authenticator):  # type: ignore[misc]
    """The part of an authenticator that decides who comes in, after somebody else proved who it is."""

    credentials_file = Unicode(help="The file with the accounts and, of some, the hashes; see `nbcoach up`.").tag(
        config=True
    )
    members_file = Unicode(help="The file that says who administers, and who learns and teaches what.").tag(config=True)
    registration = Enum(
        ["closed", "approval", "open"],
        "closed",
        help="Who gets an account: those whom an administrator gives one (closed, the default), "
        "those who ask for one and are approved (approval), or all who ask for one (open).",
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.credentials = Credentials(Path(self.credentials_file))

    @default("allow_all")
    def _default_allow_all(self) -> bool:
        return True

    def validate_username(self, username: str) -> bool:
        """Return whether a name may become a folder, a group and a part of URLs."""
        return USER_NAME.fullmatch(username) is not None and bool(super().validate_username(username))

    def check_blocked_users(self, username: str, authentication: Mapping[str, Any] | None = None) -> bool:
        """Return whether somebody may come in.

        Raises:
            HTTPError: 403 with the reason, for an account that cannot be used.

        """
        if not super().check_blocked_users(username, authentication):
            return False
        standing = self.admit(username, authentication or {})
        if standing is not Standing.ACTIVE:
            self.log.warning("Log-in of %s refused: %s.", username, standing or "no account")
            raise HTTPError(403, _REFUSALS.get(standing, _CLOSED) if standing else _CLOSED)
        return True

    def admit(self, user: str, authentication: Mapping[str, Any]) -> Standing | None:
        """Return the standing of somebody who proved who he is, after giving an account to whom one is due."""
        account = self.credentials.accounts().get(user)
        standing = account.standing if account is not None else None
        vouched = self.vouches(user, authentication)
        if standing is Standing.PENDING and vouched:
            self.credentials.set_standing(user, Standing.ACTIVE)
            return Standing.ACTIVE
        if standing is not None:
            return standing
        if not vouched and self.registration == "closed":
            return None
        given = Standing.ACTIVE if vouched or self.registration == "open" else Standing.PENDING
        try:
            self.credentials.register(user, None, given)
        except Conflict as err:
            raise HTTPError(403, err.message) from err
        return given

    def vouches(self, user: str, authentication: Mapping[str, Any]) -> bool:
        """Return whether somebody is known well enough to come in without approval."""
        return user in self.admin_users or bool(authentication.get("groups") or authentication.get("admin"))

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> Any:
        """End the session of somebody whose account can no longer be used."""
        account = self.credentials.accounts().get(user.name)
        if account is not None and account.standing is not Standing.ACTIVE:
            return False
        return await super().refresh_user(user, handler, **kwargs)

    def delete_user(self, user: Any) -> None:
        """Remove the account and the memberships of a user whom an administrator deletes."""
        super().delete_user(user)
        self.forget(user.name)

    def forget(self, user: str) -> bool:
        """Remove an account and its memberships, and return whether there was one."""
        self.change_members(user, admin=False, learns=(), teaches=())
        try:
            self.credentials.remove(user)
        except UnknownUser:
            return False
        return True

    def members(self) -> Members:
        """Return who belongs where, as the file says it."""
        path = Path(self.members_file)
        return Members.from_json(path.read_text("utf-8")) if self.members_file and path.is_file() else Members()

    def change_members(self, user: str, *, admin: bool, learns: Any, teaches: Any) -> None:
        """Write to the file where a user belongs, so that it is so after the next start too."""
        if not self.members_file:
            return
        path = Path(self.members_file)
        with locked(path):
            before = self.members()
            after = before.placed(user, admin=admin, learns=learns, teaches=teaches)
            if after != before:
                write_private(path, after.to_json())
        (self.admin_users.add if admin else self.admin_users.discard)(user)

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """Return the handlers of the log-in, and those that administer accounts."""
        return [("/login", SignInHandler), *super().get_handlers(app), *HANDLERS]
