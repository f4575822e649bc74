"""Passwords and log-in: what is kept, what is refused, and how guessing is slowed down."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from nbcoach_exercises.errors import InvalidInput, UnknownUser
from nbcoach_hub.credentials import Credentials, checked_name, checked_password, write_private
from nbcoach_hub.identity.lockout import Lockout
from nbcoach_hub.identity.password import PasswordAuthenticator

GOOD = "correct horse battery"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "credentials.json"


def test_a_password_is_kept_as_argon2id_in_a_private_file(file: Path) -> None:
    credentials = Credentials(file)
    assert credentials.users() == []
    credentials.set_password("amy", GOOD)
    assert credentials.verify("amy", GOOD)
    assert not credentials.verify("amy", GOOD + "!")
    assert not credentials.verify("bob", GOOD)
    assert not credentials.verify("amy", "")
    assert not credentials.verify("amy", GOOD + "x" * 1000)
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["users"]["amy"]["hash"].startswith("$argon2id$")
    assert GOOD not in file.read_text()
    credentials.remove("amy")
    assert not credentials.verify("amy", GOOD)
    with pytest.raises(UnknownUser):
        credentials.remove("amy")


def test_a_broken_hash_lets_nobody_in(file: Path) -> None:
    file.parent.mkdir()
    write_private(file, json.dumps({"users": {"amy": "plain", "bob": ""}}))
    assert not Credentials(file).verify("amy", "plain")
    assert not Credentials(file).verify("bob", "")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "a" * 20,
        "ababababababab",
        "password123",
        "xx-amy-xx-amy-x",
        "Jupyter2026!",
        "x" * 300,
        "1234567890",
    ],
)
def test_bad_passwords(file: Path, password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Credentials(file).set_password("amy", password)
    assert not password or password not in str(caught.value)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", ".", "a/b", "-a", "a-", "ä", "a" * 65, "a\n", "a.b"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidInput):
        checked_name(name)


def test_good_ones() -> None:
    assert checked_name("a_b-9") == "a_b-9"
    assert checked_password("pässwörter sind lang", "amy")


def test_writers_do_not_lose_each_others_users(file: Path) -> None:
    users = [f"user{n}" for n in range(6)]
    threads = [threading.Thread(target=Credentials(file).set_password, args=(user, GOOD)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Credentials(file).users() == users
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_an_unknown_user_costs_as_much_as_a_wrong_password(file: Path) -> None:
    credentials = Credentials(file)
    credentials.set_password("amy", GOOD)
    credentials.verify("nobody", "warm up")

    def cost(user: str) -> float:
        begun = time.process_time()
        for _ in range(4):
            credentials.verify(user, "wrong password")
        return time.process_time() - begun

    assert 0.5 < cost("amy") / cost("nobody") < 2


def test_the_delay_grows_and_ends() -> None:
    clock = [0.0]
    lockout = Lockout(free=3, longest=10, names=2, clock=lambda: clock[0])
    waits = []
    for _ in range(8):
        waits.append(lockout.wait("amy"))
        lockout.fail("amy")
    assert waits == [0, 0, 0, 1, 2, 4, 8, 10]
    assert lockout.wait("bob") == 0
    clock[0] += 10
    assert lockout.wait("amy") == 0
    lockout.succeed("amy")
    lockout.fail("amy")
    assert lockout.wait("amy") == 0
    for name in ("b", "c", "d"):
        lockout.fail(name)
    assert len(lockout._failed) == 2


def request(address: str) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(remote_ip=address))


async def test_the_authenticator(file: Path) -> None:
    Credentials(file).set_password("amy", GOOD)
    authenticator = PasswordAuthenticator(credentials_file=str(file), free_attempts=2)
    assert authenticator.allow_all
    right, wrong = {"username": "Amy", "password": GOOD}, {"username": "amy", "password": "wrong password"}
    assert await authenticator.authenticate(request("1.1.1.1"), right) == "amy"
    assert await authenticator.authenticate(request("1.1.1.1"), wrong) is None
    assert await authenticator.authenticate(request("1.1.1.1"), wrong) is None
    with pytest.raises(HTTPError) as caught:
        await authenticator.authenticate(request("1.1.1.1"), right)
    assert caught.value.status_code == 429
    assert await authenticator.authenticate(request("2.2.2.2"), right) == "amy"
    authenticator.delete_user(SimpleNamespace(name="amy"))
    authenticator.delete_user(SimpleNamespace(name="amy"))
    assert await authenticator.authenticate(request("3.3.3.3"), right) is None


def test_the_authenticator_takes_our_names_only(file: Path) -> None:
    authenticator = PasswordAuthenticator(credentials_file=str(file))
    assert authenticator.validate_username("amy-2")
    assert not authenticator.validate_username("../amy")
    assert not authenticator.validate_username("")
