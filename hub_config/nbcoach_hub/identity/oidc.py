"""Log-in at an OpenID Connect provider, such as Keycloak, Entra ID, Google or a university's own.

oauthenticator's GenericOAuthenticator does the protocol (authorization code with PKCE and state). What is added: the
provider's addresses come from its discovery document, user names keep to our alphabet, groups of the provider become
courses and roles by an explicit table, and `Admission` decides who comes in.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthLoginHandler
from tornado.httpclient import HTTPError as HTTPClientError
from tornado.web import HTTPError
from traitlets import Bool, Dict, List, TraitError, Unicode, default, validate

from .admission import Admission
from .names import user_name

ADMIN = "admin"
"""What a group of the provider is mapped to when its members administer the hub."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class OidcLoginHandler(OAuthLoginHandler):  # type: ignore[misc]
    """Send a browser to the provider."""

    async def get(self) -> None:
        """Find out where the provider is first."""
        await self.authenticator.discover()
        super().get()


class OidcAuthenticator(Admission, GenericOAuthenticator):  # type: ignore[misc]
    """Let in whom an OpenID Connect provider vouches for."""

    login_handler = OidcLoginHandler

    issuer = Unicode(
        help="URL of the provider, as its discovery document names it; by default NBCOACH_OIDC_ISSUER. "
        "It needs https, unless it is on this machine."
    ).tag(config=True)
    groups_claim = Unicode("groups", help="Claim that lists a user's groups at the provider; 'groups'.").tag(
        config=True
    )
    group_map = Dict(
        value_trait=List(Unicode()),
        key_trait=Unicode(),
        help="For a group of the provider the groups of the hub that its members are in, such as "
        "{'cs1-students': ['nbgrader-python'], 'cs1-staff': ['formgrade-python'], 'it': ['admin']}. "
        "Groups that are not listed have no effect.",
    ).tag(config=True)
    managed = Bool(
        True, help="Take groups from the provider; False leaves them to the hub and its administrators."
    ).tag(config=True)

    _discovered = False

    @default("issuer")
    def _default_issuer(self) -> str:
        return os.environ.get("NBCOACH_OIDC_ISSUER", "")

    @default("client_id")
    def _default_client_id(self) -> str:
        return os.environ.get("NBCOACH_OIDC_CLIENT_ID", "")

    @default("client_secret")
    def _default_client_secret(self) -> str:
        return secret("NBCOACH_OIDC_CLIENT_SECRET")

    @default("login_service")
    def _default_login_service(self) -> str:
        return os.environ.get("NBCOACH_OIDC_NAME", "OpenID Connect")

    @default("username_claim")
    def _default_username_claim(self) -> str:
        return "preferred_username"

    @default("scope")
    def _default_scope(self) -> list[str]:
        return ["openid", "profile"]

    @default("manage_groups")
    def _default_manage_groups(self) -> bool:
        return bool(self.managed)

    @validate("issuer")
    def _check_issuer(self, proposal: Any) -> str:
        url = str(proposal["value"])
        parts = urlsplit(url)
        if url and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise TraitError(f"OidcAuthenticator.issuer: {url!r} needs https.")
        return url

    async def discover(self) -> None:
        """Ask the provider for its addresses, once.

        Raises:
            HTTPError: 503 when it cannot be asked, 500 when it is not the one that was configured.

        """
        if self._discovered:
            return
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            document = await self.httpfetch(url, label="the discovery document", request_timeout=10.0)
        except (HTTPClientError, HTTPError, OSError, ValueError) as err:
            self.log.error("The provider's discovery document %s cannot be had: %s", url, err)
            raise HTTPError(503, "Log-in is not possible now: the identity provider does not answer.") from err
        if document.get("issuer") != self.issuer:
            self.log.error("The discovery document %s is of another issuer: %r", url, document.get("issuer"))
            raise HTTPError(500, "Log-in is not possible: the identity provider is not the one that was configured.")
        self.token_url = document["token_endpoint"]
        self.userdata_url = document["userinfo_endpoint"]
        self.authorize_url = document["authorization_endpoint"]
        self._discovered = True

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> Any:
        """Exchange the provider's code for what it says of the user."""
        await self.discover()
        return await super().authenticate(handler, data, **kwargs)

    def user_info_to_username(self, user_info: dict[str, Any]) -> str:
        """Return the user name for what the provider says of a user.

        Raises:
            HTTPError: 403 without the claim that names the user.

        """
        claim = user_info.get(self.username_claim) if isinstance(self.username_claim, str) else None
        if not isinstance(claim, str) or not claim:
            self.log.error("The provider did not tell the claim %r.", self.username_claim)
            raise HTTPError(403, f"The identity provider did not tell your name ({self.username_claim}).")
        return user_name(claim)

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """Return the groups of the hub for the groups of the provider."""
        return self._mapped(auth_state) - {ADMIN}

    async def update_auth_model(self, auth_model: dict[str, Any]) -> dict[str, Any]:
        """Say whether a user administers the hub, where the table says who does."""
        if any(ADMIN in groups for groups in self.group_map.values()):
            named = auth_model["name"] in self.admin_users
            auth_model["admin"] = named or ADMIN in self._mapped(auth_model["auth_state"])
        return auth_model

    def _mapped(self, auth_state: dict[str, Any]) -> set[str]:
        told = auth_state[self.user_auth_state_key].get(self.groups_claim)
        names = told if isinstance(told, list) else []
        return {group for name in names if isinstance(name, str) for group in self.group_map.get(name, ())}


def secret(variable: str) -> str:
    """Return a secret from the environment, or from the file that `<variable>_FILE` names."""
    path = os.environ.get(f"{variable}_FILE")
    return Path(path).read_text("utf-8").strip() if path else os.environ.get(variable, "")
