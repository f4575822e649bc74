"""Every route needs the server's token, and the server itself finds nothing to warn about."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from tornado.httpclient import HTTPClientError

ROUTES = [
    ("GET", "courses"),
    ("GET", "courses/first-steps"),
    ("GET", "courses/first-steps/next"),
    ("GET", "courses/first-steps/mastery"),
    ("GET", "courses/first-steps/submissions"),
    ("GET", "courses/first-steps/submissions/one"),
    ("GET", "courses/first-steps/exercises/factorial/cells/fact"),
    ("GET", "notifications"),
    ("POST", "notifications/read"),
    ("POST", "open"),
    ("POST", "reset"),
    ("POST", "events"),
]
EXAMPLES = {"course": "first-steps", "exercise": "factorial", "cell": "fact", "submission": "one"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_refuses_a_request_without_token(jp_fetch, upstream, method, path):
    body = (
        json.dumps({"course": "first-steps", "exercise": "factorial", "kind": "opened"}) if method == "POST" else None
    )
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("nbcoach", "api", *path.split("/"), method=method, body=body, headers={"Authorization": "none"})
    assert refused.value.code == 403
    assert upstream.requests == []


async def test_refuses_a_socket_without_token(jp_ws_fetch, upstream):
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("nbcoach", "api", "live", headers={"Authorization": "none"})
    assert refused.value.code == 403
    assert upstream.sockets == []


def test_all_routes_are_listed_here():
    from nbcoach_extension.routes import openapi

    described = {
        (verb.upper(), path.lstrip("/").format(**EXAMPLES))
        for path, verbs in openapi()["paths"].items()
        for verb in verbs
    }
    assert described == {*ROUTES, ("GET", "live")}


def test_a_server_that_wants_authentication_has_no_warning(tmp_path):
    script = textwrap.dedent(
        """
        import warnings
        from jupyter_server.serverapp import ServerApp
        from jupyter_server.utils import JupyterServerAuthWarning

        app = ServerApp(
            allow_unauthenticated_access=False,
            jpserver_extensions={"nbcoach_extension": True},
            reraise_server_extension_failures=True,
        )
        with warnings.catch_warnings(record=True) as records:
            warnings.simplefilter("always")
            app.initialize(argv=["--allow-root"], find_extensions=False, new_httpserver=False)
        found = [r for r in records if issubclass(r.category, JupyterServerAuthWarning)]
        assert not found, [str(r.message) for r in found]
        assert any("nbcoach" in str(rule.matcher._path) for host in app.web_app.default_router.rules
                   for rule in getattr(host.target, "rules", [])), "not loaded"
        print("clean")
        """
    )
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "JUPYTER_NO_CONFIG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=home, cwd=tmp_path, timeout=60, check=False
    )
    assert done.stdout.strip().endswith("clean"), done.stderr[-2000:]
