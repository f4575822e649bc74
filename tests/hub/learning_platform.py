"""A learning platform that launches tools through LTI 1.3: lti1p3platform behind a web server of its own.

Its address is `localhost` where the hub's is `127.0.0.1`, so that to a browser the two are different sites.
"""

from __future__ import annotations

import contextlib
import html
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jwcrypto.jwk import JWK
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.message_launch import MessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract
from lti1p3platform.registration import Registration
from lti1p3platform.request import Request

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
CLIENT, DEPLOYMENT = "nbcoach-at-the-school", "1"


class Query(Request):  # type: ignore[misc]
    def build_metadata(self, request: dict[str, str]) -> Any:
        return {"get_data": request, "form_data": {}, "method": "GET"}


class Login(OIDCLoginAbstract):  # type: ignore[misc]
    def set_lti_message_hint(self, **kwargs: Any) -> None:
        self._lti_message_hint = kwargs["hint"]

    def get_redirect(self, url: str) -> str:
        return url


class Launch(MessageLaunchAbstract):  # type: ignore[misc]
    def render_launch_form(self, launch_data: dict[str, Any], **kwargs: Any) -> str:
        """Return the page that sends the launch to the tool, as platforms do."""
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(str(launch_data[name]))}">'
            for name in ("id_token", "state")
        )
        action = html.escape(launch_data["launch_url"])
        return f'<form action="{action}" method="post">{fields}</form><script>document.forms[0].submit()</script>'


class Platform(LTI1P3PlatformConfAbstract):  # type: ignore[misc]
    """The platform of one test: `spoil` may change what it signs."""

    def __init__(self, port: int, hub: str) -> None:
        self.url = f"http://localhost:{port}"
        self.hub = hub
        self.spoil: Callable[[dict[str, Any]], None] = lambda claims: None
        super().__init__()

    def init_platform_config(self, **kwargs: Any) -> None:
        key = JWK.generate(kty="RSA", size=2048, kid="key-1", alg="RS256", use="sig")
        self._registration = (
            Registration()
            .set_iss(self.url)
            .set_client_id(CLIENT)
            .set_deployment_id(DEPLOYMENT)
            .set_launch_url(f"{self.hub}/hub/home")
            .set_oidc_login_url(f"{self.hub}/hub/lti13/oauth_login")
            .set_platform_public_key(key.export_to_pem().decode())
            .set_platform_private_key(key.export_to_pem(private_key=True, password=None).decode())
        )

    def get_registration_by_params(self, **kwargs: Any) -> Registration:
        return self._registration

    def begin(self, query: dict[str, str]) -> str:
        """Return where the browser goes when somebody presses the link in a course."""
        login = Login(None, self)
        login.set_lti_message_hint(hint=json.dumps(query))
        return str(login.prepare_preflight_url(query["user"]))

    def launch(self, query: dict[str, str]) -> str:
        """Return the page with the signed launch, once the tool has asked for it."""
        asked = json.loads(query["lti_message_hint"])
        launch = Launch(Query(query), self)
        launch.set_user_data(query["login_hint"], [MEMBERSHIP + role for role in asked["role"].split(",")])
        launch.set_launch_context_claim(asked["context"], context_label=asked["context"])
        launch.set_resource_link_claim("link-1")
        if "course" in asked:
            launch.set_custom_parameters_claim({"course": asked["course"]})
        made = launch.get_launch_data

        def spoilt() -> tuple[dict[str, Any], str]:
            claims, state = made()
            self.spoil(claims)
            return claims, state

        launch.get_launch_data = spoilt
        return str(launch.lti_launch())


@contextlib.contextmanager
def running(port: int, hub: str) -> Iterator[Platform]:
    """Run a platform."""
    platform = Platform(port, hub)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            if parts.path == "/launch":
                self.send_response(302)
                self.send_header("Location", platform.begin(query))
                self.end_headers()
                return
            if parts.path not in ("/jwks", "/authorize"):
                self.send_error(404)
                return
            jwks = parts.path == "/jwks"
            body = json.dumps(platform.get_jwks()) if jwks else platform.launch(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if jwks else "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
