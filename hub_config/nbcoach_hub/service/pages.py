"""Pages for people: rendered here, in their language, without a line of script.

What other pages of the same origin may try, and what stands against it: a form carries a token of its session; a
request that a browser marks as anything but somebody going to a page (`Sec-Fetch-Mode`) is refused, so that no script
reads a page to find that token; no page can be framed; the only style is our own file.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, ClassVar

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from tornado.web import RequestHandler

from nbcoach_exercises.errors import NotAllowed

from .auth import Identity
from .errors import describe, retry_after
from .handlers import CheckedHandler
from .scopes import public
from .words import Words, preferred

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class PageHandler(CheckedHandler):
    """Show a page to somebody who is logged in at the hub; others are sent there first.

    Verbs declare scopes, as everywhere; a `post` has checked the form's token before it runs.
    """

    described = False
    package: ClassVar[str] = "nbcoach_hub.service"
    """The package with the folders `templates` and `locale` of the page."""

    async def prepare(self) -> None:
        """Check the caller; send a browser without a session to the hub."""
        mode = self.request.headers.get("Sec-Fetch-Mode", "navigate")
        if mode != "navigate":
            raise NotAllowed("This page is for people, not for scripts; the service's API is below api/.")
        try:
            await super().prepare()
        except NotAllowed:
            if self.request.method == "GET" and not hasattr(self, "identity"):
                self.service.sessions.begin(self)
                return
            raise
        if self.request.method == "POST":
            given = self.get_body_argument("form_token", "")
            if not hmac.compare_digest(given.encode(), self.service.sessions.form_token(self).encode()):
                raise NotAllowed("The form is too old. Open the page again, and repeat what you did.")

    async def caller(self) -> Identity:
        """Return who is calling, by the token of the session; the hub is asked each time."""
        token = self.service.sessions.token(self)
        if token is None:
            raise NotAllowed("You are not logged in.")
        return await self.service.authenticator.identify(token, fresh=True)

    @property
    def token(self) -> str:
        """The hub's token of the session: what is asked of others is asked as the caller, never as the service."""
        return self.service.sessions.token(self) or ""

    def language(self) -> str:
        """Return the language of the page, by default the one that the browser asks for."""
        return preferred(self.request.headers.get("Accept-Language", ""))

    def show(self, template: str, status: int = 200, **values: Any) -> None:
        """Answer with a page."""
        language = self.language()
        identity = getattr(self, "identity", None)
        self.set_status(status)
        self.finish(
            _environment(self.package)
            .get_template(template)
            .render(
                _=_words(self.package).translate(language),
                base_url=self.service.base_url,
                form_token=self.service.sessions.form_token(self) if identity else "",
                identity=identity,
                language=language,
                **values,
            )
        )

    def set_default_headers(self) -> None:
        """Set headers that keep a page from being framed, scripted or kept."""
        super().set_default_headers()
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Referrer-Policy", "same-origin")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a page that says what is wrong."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        status, body = describe(error, status_code, self.request_id)
        self.set_header("X-Request-Id", self.request_id)
        wait = retry_after(error)
        if wait is not None:
            self.set_header("Retry-After", wait)
        message = _said(_words(self.package).translate(self.language()), body["message"], body["detail"])
        self.show("error.html", status, message=message, code=body["code"])


class CallbackHandler(PageHandler):
    """Take browsers that come back from the hub's log-in."""

    async def prepare(self) -> None:
        """Check nothing but what every handler checks; there is no session yet."""
        await CheckedHandler.prepare(self)

    @public
    async def get(self) -> None:
        """Begin the session."""
        await self.service.sessions.complete(self)


class RenewHandler(PageHandler):
    """Begin the session anew, for somebody whose rights have changed since."""

    async def prepare(self) -> None:
        """Check nothing but what every handler checks; a session need not be there."""
        await CheckedHandler.prepare(self)

    @public
    async def get(self) -> None:
        """End the session and show the first page, which begins a new one."""
        self.service.sessions.end(self)
        self.redirect(self.service.base_url)


class StyleHandler(CheckedHandler):
    """Serve the style of all pages."""

    described = False

    @public
    async def get(self) -> None:
        """Answer with the style sheet."""
        self.set_header("Content-Type", "text/css; charset=utf-8")
        self.set_header("Cache-Control", "max-age=3600")
        self.finish(_style())


def page_routes() -> list[tuple[str, type[RequestHandler]]]:
    """Return the routes that a service with pages needs besides its own."""
    return [("oauth_callback", CallbackHandler), ("renew", RenewHandler), (r"static/page\.css", StyleHandler)]


@cache
def _environment(package: str) -> Environment:
    folders = [PackageLoader(name) for name in dict.fromkeys((package, "nbcoach_hub.service"))]
    return Environment(
        loader=ChoiceLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _words(package: str) -> Words:
    return Words.of(dict.fromkeys(("nbcoach_hub.service", package)))


def _said(translate: Callable[..., str], message: str, detail: Mapping[str, object]) -> str:
    """Return a message in a language, also one that names a value of its detail."""
    values = {name: repr(value) for name, value in detail.items()}
    pattern = message
    for name, value in values.items():
        pattern = pattern.replace(value, f"{{{name}}}")
    told = translate(pattern)
    return translate(message) if told == pattern else told.format(**values)


@cache
def _style() -> str:
    return (resources.files("nbcoach_hub.service") / "static" / "page.css").read_text("utf-8")
