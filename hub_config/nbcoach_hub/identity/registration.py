"""Pages of the hub in the language of the browser: sign in, register an account, and change one's password."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.login import LoginHandler
from tornado.web import authenticated

from nbcoach_exercises.errors import NbcoachError, TooMany

from ..credentials import SHORTEST, Standing
from ..service.limits import Limits
from .language import translation

_HOUR = 3600.0


class SignInHandler(LoginHandler):  # type: ignore[misc]
    """The hub's own log-in; why it refuses somebody is shown above the form."""

    def _render(self, login_error: str | None = None, username: str | None = None, **values: Any) -> Any:
        registration = getattr(self.authenticator, "registration", "closed")
        return super()._render(
            login_error=_told(translation(self), login_error or ""),
            username=username,
            registration=registration != "closed" and not self.authenticator.login_service,
            **values,
        )


class FormHandler(LoginHandler):  # type: ignore[misc]
    """A page with one form, in the language of the browser; errors are shown above the form.

    It derives from the hub's own log-in page for its handling of forged, expired and failed forms.
    """

    template = ""
    audited: tuple[str, str] | None = None
    """Action and subject for the audit trail, once the form was taken."""

    async def _render(self, login_error: str | None = None, status: int = 200, **values: Any) -> Any:
        self.set_status(status)
        return await self.render_template(
            self.template,
            error=_told(translation(self), login_error or ""),
            shortest=SHORTEST,
            username=values.pop("username", "") or "",
            xsrf=self.xsrf_token.decode("ascii"),
            **{"done": "", **values},
        )

    def field(self, name: str) -> str:
        """Return what was typed into a field, which may begin and end with spaces."""
        return str(self.get_body_argument(name, "", strip=False))[:1000]


class RegistrationHandler(FormHandler):
    """Let somebody ask for an account."""

    template = "register.html"

    async def get(self) -> None:
        """Show the form."""
        self.finish(await self._render())

    async def post(self) -> None:
        """Take the form; what is wrong is said above it."""
        user = self.authenticator.normalize_username(self.field("username").strip())
        password, again = self.field("password"), self.field("again")
        try:
            _limits(self.authenticator.registrations_per_hour).spend(str(self.request.remote_ip))
            if password != again:
                self.finish(await self._render("The two passwords differ.", 400, username=user))
                return
            standing = await self.authenticator.register(user, password)
            self.audited = ("user.register", user)
        except TooMany as err:
            self.set_header("Retry-After", str(round(err.retry_after) + 1))
            self.finish(await self._render("Too many accounts were registered from here. Try again later.", 429))
            return
        except NbcoachError as err:
            self.finish(await self._render(err.message, 400, username=user))
            return
        self.finish(await self._render(done="active" if standing is Standing.ACTIVE else "pending", username=user))


class PasswordHandler(FormHandler):
    """Let somebody change his password."""

    template = "password.html"

    @authenticated
    async def get(self) -> None:
        """Show the form."""
        self.finish(await self._render())

    @authenticated
    async def post(self) -> None:
        """Take the form; what is wrong is said above it."""
        user = self.current_user.name
        new = self.field("password")
        try:
            if new != self.field("again"):
                self.finish(await self._render("The two passwords differ.", 400))
            elif await self.authenticator.change_password(user, self.field("old"), new, str(self.request.remote_ip)):
                self.audited = ("password.change", user)
                self._end_other_sessions()
                self.finish(await self._render(done="changed"))
            else:
                self.finish(await self._render("The old password is wrong.", 403))
        except NbcoachError as err:
            self.finish(await self._render(err.message, 400))

    def _end_other_sessions(self) -> None:
        self.current_user.cookie_id = orm.new_token()
        self.db.commit()
        self.set_login_cookie(self.current_user)


def _told(translate: Callable[..., str], error: str) -> str:
    """Return an error in a language, also one that names a number."""
    told = translate(error)
    number = re.search(r"\d+", error)
    if told != error or number is None:
        return told
    return translate(error.replace(number.group(), "{number}"), number=number.group())


@cache
def _limits(per_hour: float) -> Limits:
    return Limits(per_hour / _HOUR, per_hour)
