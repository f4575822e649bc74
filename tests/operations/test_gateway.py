"""The hub behind a real Caddy with the shipped Caddyfile: pages and WebSockets through TLS, headers, limits."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hub_process import REPOSITORY, Browser, HubProcess, free_port
from live_checks import ask, check_frame, released

FOLDER = REPOSITORY / "hub_config" / "deploy" / "compose"


class Gateway:
    """A running Caddy, and the certificate that it shows."""

    def __init__(self, url: str, certificate: Path, log: Path) -> None:
        self.url = url
        self.certificate = certificate
        self.log = log

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.certificate)
        return session


class SecureBrowser(Browser):
    """A browser that comes through the gateway."""

    def __init__(self, gateway: Gateway, user: str) -> None:
        super().__init__(gateway.url, user)
        self.session = gateway.session()
        self._context = ssl.create_default_context(cafile=str(gateway.certificate))

    def _socket(self, path: str) -> websocket.WebSocket:
        paths = ("/", f"/user/{self.user}/")
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies if c.path in paths)
        address = f"{self.server}/{path}".replace("https", "wss", 1)
        return websocket.create_connection(
            address, cookie=cookies, origin=self.url, timeout=60, sslopt={"context": self._context}
        )


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret


@pytest.fixture(scope="module")
def gateway(platform: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    if shutil.which("caddy") is None:
        pytest.skip("Caddy is not installed (Debian: apt install caddy)")
    folder = tmp_path_factory.mktemp("gateway")
    certificate, key = make_certificate(folder)
    port, log = free_port(), folder / "log"
    told = {
        "NBCOACH_DOMAIN": f"https://localhost:{port}",
        "NBCOACH_UPSTREAM": f"127.0.0.1:{platform.port}",
        "NBCOACH_TLS": f"tls {certificate} {key}",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    # Caddy also takes port 80 to send people on to TLS, which a test must not.
    config = folder / "Caddyfile"
    text = (FOLDER / "Caddyfile").read_text().replace("admin off", "admin off\n\tauto_https disable_redirects")
    config.write_text(text)
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"],
            env={**os.environ, **told},
            stdout=out,
            stderr=out,
        )
    made = Gateway(f"https://localhost:{port}", certificate, log)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                made.session().get(f"{made.url}/hub/login", timeout=10)
                break
            except requests.ConnectionError:
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.1)
        yield made
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def secure(platform: HubProcess, learner: Browser, gateway: Gateway) -> SecureBrowser:
    """The demo learner, logged in through the gateway, with the server that runs already."""
    browser = SecureBrowser(gateway, "learner")
    assert browser.log_in(platform.password("learner")).status_code == 200
    browser.start_server()
    return browser


def test_pages_of_hub_and_server_come_through_tls(secure: SecureBrowser) -> None:
    assert secure.session.get(f"{secure.url}/hub/home", timeout=30).status_code == 200
    assert "jupyter-config-data" in secure.session.get(f"{secure.server}/lab", timeout=30).text
    assert released(secure)["nbformat"] == 4


def test_cookies_are_for_tls_only(secure: SecureBrowser) -> None:
    own = [cookie for cookie in secure.session.cookies if cookie.name.startswith("jupyterhub-")]
    assert own
    assert [cookie.name for cookie in own if not cookie.secure and "session-id" not in cookie.name] == []


def test_kernels_and_checks_come_through_their_sockets(secure: SecureBrowser) -> None:
    assert secure.run("print(6 * 7)") == "42\n"
    socket = secure._socket("nbcoach/api/live")
    reply = ask(socket, check_frame(secure, "def double(x):\n    return 2 * x\n"))
    socket.close()
    assert reply["type"] == "feedback", reply


@pytest.mark.parametrize("path", ["/hub/login", "/services/grader/health", "/hub/static/css/style.min.css", "/nothing"])
def test_every_answer_has_the_security_headers(gateway: Gateway, path: str) -> None:
    headers = gateway.session().get(f"{gateway.url}{path}", timeout=30).headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    policies = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policies


def test_a_policy_of_a_part_is_not_replaced(gateway: Gateway, secure: SecureBrowser) -> None:
    health = gateway.session().get(f"{gateway.url}/services/grader/health", timeout=30)
    assert health.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    lab = secure.session.get(f"{secure.server}/lab", timeout=30)
    assert "default-src" not in lab.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "megabytes", "status"),
    [
        ("/services/grader/api/events", 10, 413),  # the gateway's limit
        ("/services/grader/api/events", 8, 403),  # within it: the service's answer, not one of the hub's proxy
        ("/services/accounts/", 8, 403),
    ],
)
def test_bodies_are_limited(gateway: Gateway, path: str, megabytes: int, status: int) -> None:
    assert send(gateway, path, megabytes).status_code == status


def test_who_sends_far_too_much_is_told_so_or_loses_the_connection(gateway: Gateway) -> None:
    with contextlib.suppress(requests.exceptions.ConnectionError):
        assert send(gateway, "/hub/login", 120).status_code == 413


def send(gateway: Gateway, path: str, megabytes: int) -> requests.Response:
    """Post a body without a length, so that nobody can refuse before it has come."""
    body = (b"x" * 1_000_000 for _ in range(megabytes))
    return gateway.session().post(f"{gateway.url}{path}", data=body, timeout=60)


@pytest.mark.parametrize(
    "path", ["/hub/metrics", "/services/grader/metrics", "/services/status/metrics", "/user/learner/metrics"]
)
def test_metrics_are_not_seen_from_outside(gateway: Gateway, metrics_token: str, path: str) -> None:
    headers = {"Authorization": f"token {metrics_token}"}
    assert gateway.session().get(f"{gateway.url}{path}", headers=headers, timeout=30).status_code == 404


def test_a_client_cannot_choose_its_address(platform: HubProcess, gateway: Gateway) -> None:
    """The lock-out goes by address and user: with an address of his own choice, somebody could guess without end."""
    user = f"u{uuid.uuid4().hex[:8]}"
    statuses = []
    for number in range(7):
        session = gateway.session()
        page = session.get(f"{gateway.url}/hub/login", timeout=30)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert found is not None
        spoofed = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"}
        form = {"username": user, "password": "a wrong one", "_xsrf": found.group(1)}
        statuses.append(session.post(f"{gateway.url}/hub/login", data=form, headers=spoofed, timeout=30).status_code)
    assert statuses[:5] == [403] * 5
    assert 429 in statuses[5:]


def test_the_log_of_the_gateway_holds_no_secrets(gateway: Gateway, metrics_token: str, secure: SecureBrowser) -> None:
    secure.session.get(f"{gateway.url}/services/grader/health?token=a-secret-in-a-query", timeout=30)
    text = gateway.log.read_text()
    assert '"uri"' in text
    for secret in (metrics_token, "a-secret-in-a-query", *(str(cookie.value) for cookie in secure.session.cookies)):
        assert secret not in text


def test_plain_text_is_refused_where_tls_is_spoken(gateway: Gateway) -> None:
    answer = requests.get(gateway.url.replace("https", "http"), timeout=10)
    assert answer.status_code == 400


def test_the_variant_for_nginx_is_accepted_by_it(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed (Debian: apt install nginx-light)")
    certificate, key = make_certificate(tmp_path)
    text = (FOLDER / "nginx.conf").read_text()
    text = text.replace("/etc/nginx/certs/cert.pem", str(certificate)).replace("/etc/nginx/certs/key.pem", str(key))
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\n{text}")
    done: Any = subprocess.run([nginx, "-t", "-c", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
