"""Pages for browsers: the user logs in at the hub, and what we know him by is a cookie of this service.

A page is HTML without a script; its one style is allowed by its hash, and nothing else may be loaded. Who lacks
the declared scope sees a page that says so.
"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import Any

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated
from tornado.web import Finish

from .auth import Identity
from .errors import describe, retry_after
from .handlers import CheckedHandler
from .scopes import public


class PageHandler(HubOAuthenticated, CheckedHandler):  # type: ignore[misc]
    """Answer requests of browsers in HTML."""

    style = ""
    """The page's style sheet."""

    @property
    def hub_auth(self) -> HubOAuth:
        """The service's client of the hub's log-in."""
        return self.service.oauth

    async def caller(self) -> Identity:
        """Return who is logged in; send the browser to the hub's log-in otherwise.

        Raises:
            NotAllowed: the user may not reach this service.
            Finish: the browser has been sent to the log-in.

        """
        model = await self.hub_auth.get_user(self, sync=False)
        if model is None:
            self.redirect(self.get_login_url())
            raise Finish
        return self.service.authenticator.admit(model)

    def set_default_headers(self) -> None:
        """Set headers that let a browser show the page and nothing else."""
        super().set_default_headers()
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'",
        )
        self.set_header("Referrer-Policy", "same-origin")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a page that says what is wrong."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        status, body = describe(error, status_code, self.request_id)
        self.set_status(status)
        self.set_header("X-Request-Id", self.request_id)
        wait = retry_after(error)
        if wait is not None:
            self.set_header("Retry-After", wait)
        self.finish(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>nbcoach</title>'
            f"<style>{self.style}</style><main><h1>{status}</h1><p>{html.escape(body['message'])}</p>"
            f'<p><a href="{html.escape(self.hub_auth.hub_prefix)}">Back to the hub</a></p></main></html>'
        )


class SignInHandler(HubOAuthCallbackHandler, CheckedHandler):  # type: ignore[misc]
    """Take a browser back that comes from the hub's log-in."""

    @property
    def hub_auth(self) -> HubOAuth:
        """The service's client of the hub's log-in."""
        return self.service.oauth

    @public
    async def get(self) -> None:
        """Set the cookie, and go where the browser wanted to go."""
        await HubOAuthCallbackHandler.get(self)
