"""What can be done with accounts, for the API and for the pages alike; whatever changes something is audited.

Accounts and roles are the hub's, and changed there with the rights of whoever asks. What a user has told and done is
in the store; what follows from it, the recommender has, which is asked with this service's own token. An entry of the
audit trail names fields, not their values.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from nbcoach_exercises.errors import InvalidInput, NbcoachError, NotAllowed, Unavailable
from nbcoach_exercises.events import Entry

from ..service import ServiceClient
from ..storage import Audited, AuditEntry, Profile, Store
from .forms import GUARDED, export_to_json, profile_of, without_what_is_equal
from .hub import HubClient
from .progress import progress

log = logging.getLogger(__name__)
_PAGE = 500
_PATIENCE = 5.0
_NO_RECOMMENDER = "No recommender is known here: NBCOACH_RECOMMENDER_URL is not set."


@dataclass(frozen=True)
class Actor:
    """Who does something: the name, the hub's token, and the id of the request."""

    name: str
    token: str
    request: str


class Desk:
    """Serve users about their own accounts, and administrators about all.

    Args:
        store: where records of users are.
        hub: where accounts are.
        recommender: where preferences and estimates are; without one, exports say that they lack them.

    """

    def __init__(self, store: Store, hub: HubClient, recommender: ServiceClient | None = None) -> None:
        self._store = store
        self._hub = hub
        self._recommender = recommender

    async def profile(self, user: str) -> Profile:
        """Return a user's profile, an empty one if none was written."""
        return await self.written_profile(user) or Profile(user=user)

    async def written_profile(self, user: str) -> Profile | None:
        """Return a user's profile, or None."""
        return await self._store.profile(user)

    async def write_profile(self, actor: Actor, body: Mapping[str, Any], *, guarded: bool) -> Profile:
        """Write the actor's own profile and return it.

        Args:
            actor: whose profile it is.
            body: matches the schema `PROFILE`.
            guarded: whether the actor may write what only a user himself may.

        Raises:
            InvalidInput: the body is of another user.
            NotAllowed: the body holds what the actor may not write.

        """
        if body.get("name", actor.name) != actor.name:
            raise InvalidInput("name: a profile cannot be renamed.", place="name")
        if not guarded and any(name in body for name in GUARDED):
            raise NotAllowed(f"{', '.join(GUARDED)}: only a user himself can change these, not his server.")
        before = await self.profile(actor.name)
        after = profile_of(before, body)
        await self._store.put_profile(after)
        changed = without_what_is_equal(before, after)
        if changed:
            detail: dict[str, Any] = {"fields": changed}
            if "consents" in changed:
                detail["consents"] = sorted(after.consents)
            await self._note(actor, "profile.update", actor.name, detail)
        return after

    async def delete_profile(self, actor: Actor) -> bool:
        """Delete the actor's profile and return whether there was one."""
        deleted = await self._store.delete_profile(actor.name)
        if deleted:
            await self._note(actor, "profile.delete", actor.name)
        return deleted

    async def progress(self, user: str) -> dict[str, Any]:
        """Return how far a user is in each course."""
        entries: list[Entry] = []
        after = 0
        while page := await self._store.history(user, after, _PAGE):
            entries += [logged.entry for logged in page]
            after = page[-1].cursor
        return progress(entries)

    async def export(self, actor: Actor, user: str) -> dict[str, Any]:
        """Return everything that is kept about a user; `missing` names the parts that cannot be had now, and why."""
        await self._note(actor, "data.export", user)
        kept: Any = None
        missing = []
        try:
            kept = await self._recommendations(user)
        except NbcoachError as err:
            missing.append({"part": "recommender", "reason": err.message})
            log.warning("An export lacks what the recommender keeps: %s", err.message)
        return export_to_json(await self._store.export(user), kept, missing)

    async def erase(self, actor: Actor, user: str) -> int:
        """Erase what is kept about a user, and return how many records."""
        count = await self._store.erase(user)
        # The erasure of one's own data is noted under no name: it would be the first thing kept about him again.
        own = user == actor.name
        await self._note(
            Actor("", "", actor.request) if own else actor, "data.erase", "", {"records": count, "own": own}
        )
        return count

    async def users(self, actor: Actor, **query: str) -> dict[str, Any]:
        """Return a page of accounts."""
        return await self._hub.accounts(actor.token, **query)

    async def user(self, actor: Actor, name: str) -> dict[str, Any]:
        """Return an account.

        Raises:
            UnknownUser: there is none of that name.

        """
        return await self._hub.account(actor.token, name)

    async def change(self, actor: Actor, name: str, change: dict[str, Any]) -> dict[str, Any]:
        """Change standing, role or courses of an account, and return it.

        Raises:
            NbcoachError: the hub refused; that is audited too.

        """
        await self._store.ping()  # what cannot be audited is not done
        try:
            account = await self._hub.change(actor.token, name, change)
        except NbcoachError as err:
            await self._note(actor, "user.change", name, {"code": err.code, **change}, "refused")
            raise
        await self._note(actor, "user.change", name, change)
        return account

    async def delete(self, actor: Actor, name: str, *, data: bool) -> int:
        """Delete an account, on request with what is kept about its user; return how many records that were.

        Raises:
            NbcoachError: the hub refused; that is audited too.

        """
        await self._store.ping()
        try:
            await self._hub.delete(actor.token, name)
        except NbcoachError as err:
            await self._note(actor, "user.delete", name, {"code": err.code}, "refused")
            raise
        await self._note(actor, "user.delete", name)
        return await self.erase(actor, name) if data else 0

    async def take_in(self, entry: AuditEntry) -> None:
        """Take an entry that the hub or a command has noted into the audit trail, unless it was done by this desk."""
        if entry.request not in self._hub.asked:
            await self._store.audit(entry)

    async def trail(self, user: str | None, before: int | None, limit: int) -> list[Audited]:
        """Return entries of the audit trail, newest first."""
        return await self._store.audit_trail(user, before=before, limit=limit)

    async def _recommendations(self, user: str) -> Any:
        if self._recommender is None:
            raise Unavailable(_NO_RECOMMENDER)
        found = await self._recommender.get(f"api/learners/{quote(user, safe='')}", patience=_PATIENCE)
        return found.get("courses")

    async def _note(
        self,
        actor: Actor,
        action: str,
        subject: str,
        detail: Mapping[str, Any] | None = None,
        outcome: str = "done",
    ) -> None:
        entry = AuditEntry(
            actor=actor.name,
            action=action,
            subject=subject,
            outcome=outcome,
            request=actor.request,
            detail=detail or {},
        )
        await self._store.audit(entry)
        fields = {"action": action, "subject": subject, "outcome": outcome}
        log.info("audit", extra={"fields": fields})
