"""Sessions of browsers: the hub's own log-in through OAuth 2.0 with PKCE, and a cookie below the service's prefix.

Theory of operation: the cookie holds a token of the hub, signed with a key made from the service's own token. The
token has what `oauth_client_allowed_scopes` of the service allows and the user holds, and the hub is asked about it
for every page: who logs out of the hub is out here at once.
"""

from __future__ import annotations

import hashlib
import hmac

from jupyterhub.services.auth import HubAuth, HubOAuth
from jupyterhub.utils import get_browser_protocol
from tornado.httputil import url_concat
from tornado.web import HTTPError, RequestHandler

from nbcoach_exercises.errors import InvalidInput, NotAllowed, Unavailable, UpstreamFailed


class Sessions:
    """Begin, look up and end the sessions of one service."""

    def __init__(self, hub: HubAuth, service: str, base_url: str) -> None:
        self._key = hub.api_token or "no hub"
        self._base_url = base_url
        self._oauth = HubOAuth(api_url=hub.api_url, base_url=base_url, cache=hub.cache)
        if hub.api_token:
            self._oauth.api_token = hub.api_token
        # The hub tells these to services that it starts; others have what the hub takes for them by default.
        if not self._oauth.oauth_client_id:
            self._oauth.oauth_client_id = f"service-{service}"

    @property
    def cookie_secret(self) -> str:
        """The key that signs cookies; the same in every replica."""
        return self._mac("cookies")

    def token(self, handler: RequestHandler) -> str | None:
        """Return the hub's token of a request's session, None without a session."""
        found = handler.get_signed_cookie(self._oauth.cookie_name)
        return found.decode("ascii", "replace") if found else None

    def begin(self, handler: RequestHandler) -> None:
        """Send a browser to the hub to log in, and back to where it wanted to go."""
        verifier, challenge, method = self._oauth.generate_pkce_code_challenge()
        state = self._oauth.set_state_cookie(handler, handler.request.uri, code_verifier=verifier)
        asked = {"state": state, "code_challenge": challenge, "code_challenge_method": method}
        handler.redirect(url_concat(self._oauth.login_url, asked))

    async def complete(self, handler: RequestHandler) -> None:
        """Take a browser that comes back from the hub, and send it to where it wanted to go.

        Raises:
            InvalidInput: the browser did not come from here, or not in time.
            NotAllowed: the hub refused.
            Unavailable: the hub does not answer.
            UpstreamFailed: the hub answers wrongly.

        """
        oauth = self._oauth
        if handler.get_query_argument("error", ""):
            raise NotAllowed("The hub did not let you in here.")
        state = handler.get_query_argument("state", "")
        kept = handler.get_signed_cookie(oauth.get_state_cookie_name(state)) or b""
        oauth.clear_oauth_state_cookies(handler)
        if not state or not hmac.compare_digest(state.encode(), kept):
            raise InvalidInput("This log-in was not begun in this browser, or took too long. Open the page again.")
        goal, verifier = oauth.get_next_url(state), oauth.get_code_verifier(state)
        oauth.clear_oauth_state(state)
        try:
            token = await oauth.token_for_code(
                handler.get_query_argument("code", ""), code_verifier=verifier, sync=False
            )
        except HTTPError as err:
            if err.status_code in (502, 503):
                raise Unavailable("The hub cannot be asked now.") from err
            raise UpstreamFailed("The hub did not complete the log-in.") from err
        handler.set_signed_cookie(
            oauth.cookie_name,
            token,
            expires_days=1,
            path=self._base_url,
            httponly=True,
            samesite="Lax",
            secure=get_browser_protocol(handler.request) == "https",
        )
        handler.redirect(goal)

    def end(self, handler: RequestHandler) -> None:
        """Forget a session in the browser."""
        handler.clear_cookie(self._oauth.cookie_name, path=self._base_url)

    def form_token(self, handler: RequestHandler) -> str:
        """Return what each form of a session has to carry; no other site and no other session knows it."""
        return self._mac(f"form:{self.token(handler)}")

    def _mac(self, text: str) -> str:
        return hmac.new(self._key.encode(), text.encode(), hashlib.sha256).hexdigest()
