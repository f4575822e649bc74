"""The part of the hub's REST API that administers accounts: `/hub/api/nbcoach/accounts`.

Theory of operation: the hub alone keeps accounts and groups, so whatever changes them happens in the hub, with the
rights of the token that asks; the accounts service passes on the token of its own caller and has no rights itself.
Whoever loses an account loses sessions, tokens and servers at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.roles import assign_default_roles
from jupyterhub.scopes import needs_scope
from tornado.web import HTTPError

from ..access import INSTRUCTORS, LEARNERS
from ..credentials import USER_NAME, Account, Standing
from .changes import CHANGE

_MOST = 200


class AccountsHandler(APIHandler):  # type: ignore[misc]
    """List accounts."""

    @needs_scope("list:users")  # type: ignore[untyped-decorator]
    def get(self) -> None:
        """Answer with a page of accounts in the order of their names.

        Query: `q`, a part of the name; `standing`; `offset`; `limit`, at most 200.
        """
        wanted, standing = self.get_query_argument("q", "").lower(), self.get_query_argument("standing", "")
        offset, limit = self._number("offset", 0, 10**9), self._number("limit", 50, _MOST)
        accounts = self.authenticator.credentials.accounts()
        names = {*accounts, *(name for (name,) in self.db.query(orm.User.name))}
        found = sorted(
            name for name in names if wanted in name and standing in ("", str(accounts.get(name, Account()).standing))
        )
        members = self.authenticator.members()
        self.write(
            json.dumps(
                {
                    "accounts": [
                        describe(self, name, accounts.get(name), members) for name in found[offset : offset + limit]
                    ],
                    "total": len(found),
                    "courses": courses(self.db),
                    "managed_groups": bool(self.authenticator.manage_groups),
                }
            )
        )

    def _number(self, name: str, default: int, most: int) -> int:
        text = self.get_query_argument(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most):
            raise HTTPError(400, f"{name}: a whole number from 0 to {most} is needed.")
        return int(text)


class AccountHandler(APIHandler):  # type: ignore[misc]
    """Serve one account."""

    @needs_scope("list:users")  # type: ignore[untyped-decorator]
    def get(self, name: str) -> None:
        """Answer with an account."""
        account, _ = self._known(name)
        self.write(json.dumps(describe(self, name, account, self.authenticator.members())))

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def patch(self, name: str) -> None:
        """Change standing, role or courses, and answer with the account as it is then."""
        _, user = self._known(name)
        change = self._change()
        self._check_rights(name, user, change)
        authenticator = self.authenticator
        if "standing" in change:
            authenticator.credentials.set_standing(name, Standing(change["standing"]))
        if user is None and {"admin", "learns", "teaches"} & change.keys():
            user = self.user_from_username(name)
            authenticator.add_user(user)
        if user is not None:
            self._place(user, change)
        if change.get("standing") == str(Standing.DISABLED) and user is not None:
            await self._expel(user)
        account, _ = self._known(name)
        self.write(json.dumps(describe(self, name, account, authenticator.members())))

    @needs_scope("delete:users")  # type: ignore[untyped-decorator]
    def delete(self, name: str) -> None:
        """Remove an account that has never been used; one that the hub knows is deleted as a user of the hub."""
        _, user = self._known(name)
        if user is not None:
            raise HTTPError(409, f"{name} is a user of the hub: delete the user.")
        self.authenticator.forget(name)
        self.set_status(204)

    def _known(self, name: str) -> tuple[Account | None, Any]:
        account = self.authenticator.credentials.accounts().get(name)
        user = self.find_user(name)
        if USER_NAME.fullmatch(name) is None or (account is None and user is None):
            raise HTTPError(404, "No such user")
        return account, user

    def _change(self) -> dict[str, Any]:
        change = self.get_json_body()
        error = CHANGE.error(change)
        if error is not None:
            place = "/".join(map(str, error.absolute_path)) or "body"
            raise HTTPError(400, f"{place}: {error.message[:200]}")
        known = set(courses(self.db))
        strange = sorted({*change.get("learns", ()), *change.get("teaches", ())} - known)
        if strange:
            raise HTTPError(400, f"There is no course {strange[0]!r}.")
        checked: dict[str, Any] = change
        return checked

    def _check_rights(self, name: str, user: Any, change: Mapping[str, Any]) -> None:
        """Refuse what an administrator of users only must not do, and what nobody should do to himself."""
        caller = self.current_user
        self_inflicted = change.get("standing") == str(Standing.DISABLED) or change.get("admin") is False
        if caller.name == name and self_inflicted:
            raise HTTPError(400, "You cannot take your own rights away.")
        if not caller.admin and ((user is not None and user.admin) or "admin" in change):
            raise HTTPError(403, "Only administrators can change administrators.")
        if {"learns", "teaches"} & change.keys():
            if self.authenticator.manage_groups:
                raise HTTPError(409, "Courses come from where users log in: change them there.")
            if "groups" not in self.parsed_scopes:
                raise HTTPError(403, "The token lacks the scope 'groups'.")

    def _place(self, user: Any, change: Mapping[str, Any]) -> None:
        if "admin" in change:
            user.admin = change["admin"]
            assign_default_roles(self.db, entity=user)
        for key, prefix in (("learns", LEARNERS), ("teaches", INSTRUCTORS)):
            if key in change:
                others = [group.name for group in user.groups if not group.name.startswith(prefix)]
                user.sync_groups([*others, *(prefix + course for course in change[key])])
        self.db.commit()
        names = [group.name for group in user.groups]
        if {"admin", "learns", "teaches"} & change.keys():
            self.authenticator.change_members(
                user.name,
                admin=bool(user.admin),
                learns=() if self.authenticator.manage_groups else after(LEARNERS, names),
                teaches=() if self.authenticator.manage_groups else after(INSTRUCTORS, names),
            )

    async def _expel(self, user: Any) -> None:
        """End servers, tokens and sessions of a user."""
        for name, spawner in list(user.spawners.items()):
            if spawner.active and not spawner.pending:
                await self.stop_single_user(user, name)
        for token in list(user.api_tokens):
            self.db.delete(token)
        user.cookie_id = orm.new_token()
        self.db.commit()


HANDLERS = [(r"/api/nbcoach/accounts", AccountsHandler), (r"/api/nbcoach/accounts/([^/]+)", AccountHandler)]


def describe(handler: APIHandler, name: str, account: Account | None, members: Any) -> dict[str, Any]:
    """Return what administrators see of an account.

    Of one that has never been used, the memberships are those that it will have.
    """
    user = handler.find_user(name)
    groups = [group.name for group in user.groups] if user is not None else []
    last = user.last_activity if user is not None else None
    return {
        "name": name,
        "standing": str(account.standing if account else Standing.ACTIVE),
        "since": account.since.isoformat() if account else None,
        "password": account is not None and account.hash is not None,
        "known": user is not None,
        "admin": bool(user.admin) if user is not None else name in members.admins,
        "learns": after(LEARNERS, groups) if user is not None else sorted(members.learnt_by(name)),
        "teaches": after(INSTRUCTORS, groups) if user is not None else sorted(members.taught_by(name)),
        "active": bool(user is not None and user.active),
        "last_activity": f"{last.isoformat()}+00:00" if last else None,
    }


def courses(db: Any) -> list[str]:
    """Return the courses that the hub has groups for."""
    return after(LEARNERS, [name for (name,) in db.query(orm.Group.name)])


def after(prefix: str, names: Iterable[str]) -> list[str]:
    """Return what follows a prefix in those names that have it, in order."""
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix) and name != prefix)
