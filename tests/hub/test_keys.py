"""Keys: made once, rotated beside running services, removed when nothing needs them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jupyterhub.crypto import CryptKeeper
from traitlets.config import Config

from nbcoach_hub import configure
from nbcoach_hub.cli import main
from nbcoach_hub.keys import ensure_keys
from nbcoach_hub.settings import Settings
from nbcoach_hub.storage import InvalidKeys, KeyMissing, Keyring, Profile, Store, open_store
from nbcoach_hub.storage.keyring import key_id, keys_text, new_key, read_keys


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("MONGODB_URI", "NBCOACH_KEYS", "NBCOACH_KEYS_FILE", "JUPYTERHUB_CRYPT_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = Settings(state=tmp_path / "state")
    ensure_keys(found)
    return found


def store_of(settings: Settings) -> Store:
    return open_store(settings.store_url, Keyring.from_environment(settings.keys_environment()))


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments, "--state", str(settings.state)])


def listed(settings: Settings) -> list[tuple[str, int, bool]]:
    return [(item["id"], item["records"], item["here"]) for item in json.loads(run(settings, "show", "--json").stdout)]


def test_keys_are_made_once_and_private(settings: Settings) -> None:
    text = settings.keys_path.read_text()
    ensure_keys(settings)
    assert settings.keys_path.read_text() == text
    assert settings.keys_path.stat().st_mode & 0o777 == 0o600


def test_rotation_reaches_a_running_service_and_loses_nothing(settings: Settings) -> None:
    async def running() -> None:
        async with store_of(settings) as service:
            await service.put_profile(Profile(user="amy", email="amy@example.org"))
            first = Keyring.from_file(settings.keys_path).ids[0]
            told = await asyncio.to_thread(run, settings, "rotate")
            assert told.exit_code == 0, told.output
            second = Keyring.from_file(settings.keys_path).ids[0]
            assert told.stdout == f"The new key is {second}; 1 records were encrypted anew.\n"
            assert second != first
            profile = await service.profile("amy")
            assert profile is not None
            assert profile.email == "amy@example.org"
            await service.put_profile(Profile(user="bob", email="bob@example.org"))
            assert await asyncio.to_thread(listed, settings) == [(second, 2, True), (first, 0, True)]
            assert (await asyncio.to_thread(run, settings, "prune")).stdout == "1 keys were removed.\n"
            assert await asyncio.to_thread(listed, settings) == [(second, 2, True)]
            assert (await service.export("amy")).profile == profile

    asyncio.run(running())


def test_a_key_that_is_needed_is_never_removed(settings: Settings) -> None:
    lost = new_key()

    async def write() -> None:
        async with open_store(settings.store_url, Keyring([lost])) as store:
            await store.put_profile(Profile(user="amy", email="amy@example.org"))

    asyncio.run(write())
    assert (key_id(lost), 1, False) in listed(settings)
    failed = run(settings, "prune")
    assert (failed.exit_code, key_id(lost) in failed.stderr) == (1, True)
    settings.keys_path.write_text(settings.keys_path.read_text() + keys_text([lost]))
    assert run(settings, "prune").stdout == "1 keys were removed.\n"


def test_keys_in_the_environment_are_resealed_but_never_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (CliRunner().invoke(main, ["keys", "new"]).stdout.strip() for _ in range(2))
    monkeypatch.setenv("NBCOACH_KEYS", old)

    async def write() -> None:
        async with open_store(settings.store_url) as store:
            await store.put_profile(Profile(user="amy", email="amy@example.org"))

    asyncio.run(write())
    refused = run(settings, "rotate")
    assert (refused.exit_code, "NBCOACH_KEYS" in refused.stderr) == (2, True)
    monkeypatch.setenv("NBCOACH_KEYS", f"{new};{old}")
    assert run(settings, "reseal").stdout == "1 records were encrypted anew.\n"
    assert [count for _, count, _ in listed(settings)] == [1, 0]


@pytest.mark.parametrize("text", ["", "\n", "abc", "zz" * 32, "00" * 31, f"{'00' * 32}\nshort"])
def test_what_are_no_keys_is_refused_and_never_repeated(text: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(InvalidKeys, match="holds no usable keys") as refused:
        Keyring.from_file(file)
    assert "short" not in str(refused.value)
    with pytest.raises(InvalidKeys):
        Keyring.from_file(tmp_path / "absent")


def test_sealed_text_tells_nothing_and_opens_at_its_place_only() -> None:
    ring = Keyring([new_key()])
    sealed = ring.seal({"email": "amy@example.org"}, "profiles/amy")
    assert sealed is not None
    assert "amy" not in sealed
    assert ring.open(sealed, "profiles/amy") == {"email": "amy@example.org"}
    for text, place in ((sealed, "profiles/eve"), (sealed[:-4] + "AAAA", "profiles/amy"), ("x", "profiles/amy")):
        with pytest.raises(KeyMissing):
            ring.open(text, place)


def test_the_hub_has_keys_of_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    c = Config()
    configure.configure_auth_state(c, settings)
    (key,) = c.CryptKeeper["keys"]
    assert len(bytes.fromhex(key)) == 32
    assert key not in settings.keys_path.read_text()
    assert CryptKeeper(config=c).keys == [bytes.fromhex(key)]
    settings.keys_path.write_text(keys_text([new_key(), *read_keys(settings.keys_path)]))
    rotated = Config()
    configure.configure_auth_state(rotated, settings)
    assert rotated.CryptKeeper["keys"][1:] == [key]
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "00" * 32)
    own = Config()
    configure.configure_auth_state(own, settings)
    assert "keys" not in own.CryptKeeper
