"""`nbcoach keys`: the keys that encrypt sensitive fields, and their rotation.

Theory of operation: the first key of the file encrypts, all of them decrypt. To rotate, a new key
goes to the front of the file, which running services read again by themselves, and every field is
encrypted anew. Old keys stay in the file until `prune` has seen that nothing needs them.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from nbcoach_exercises.errors import InvalidInput

from .auditing import Spool
from .credentials import write_private
from .settings import Settings
from .storage import Keyring, Store, open_store
from .storage.codec import sealing_key
from .storage.keyring import key_id, keys_text, new_key, read_keys

_Result = TypeVar("_Result")

state_option = click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=Path(".nbcoach"),
    show_default=True,
    envvar="NBCOACH_STATE",
    help="Folder of all data, else that of NBCOACH_STATE.",
)


def ensure_keys(settings: Settings) -> None:
    """Make a file with one key, unless there is one or the keys are in the environment; idempotent."""
    if settings.keys or settings.keys_path.exists():
        return
    settings.keys_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(settings.keys_path, keys_text([new_key()]))


def settings_of(state: Path) -> Settings:
    """Return the settings of a state folder, with the store and the keys that the environment names.

    Raises:
        InvalidInput: there is no such folder.

    """
    if not state.is_dir():
        raise InvalidInput(f"{state} does not exist: start 'nbcoach up' once, or name another --state.")
    return replace(Settings.from_environment(), state=state.absolute())


def in_store(settings: Settings, work: Callable[[Store], Awaitable[_Result]]) -> _Result:
    """Run something in the store of a state folder."""

    async def run() -> _Result:
        async with open_store(settings.store_url, Keyring.from_environment(settings.keys_environment())) as store:
            return await work(store)

    return asyncio.run(run())


@click.group()
def keys() -> None:
    """Show, rotate and remove the keys that encrypt sensitive fields."""


@keys.command()
def new() -> None:
    """Print a fresh key, for NBCOACH_KEYS or a file of one's own."""
    click.echo(new_key().hex())


@keys.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(state: Path, as_json: bool) -> None:
    """Show the ids of the keys, newest first, and how many records each has encrypted."""
    settings = settings_of(state)
    used = in_store(settings, _used)
    ids = Keyring.from_environment(settings.keys_environment()).ids
    listed = {key: used.pop(key, 0) for key in ids} | used
    if as_json:
        click.echo(json.dumps([{"id": key, "records": count, "here": key in ids} for key, count in listed.items()]))
        return
    for key, count in listed.items():
        click.echo(f"{key}  {count} records{'' if key in ids else '  (the key is not here)'}")


@keys.command()
@state_option
def rotate(state: Path) -> None:
    """Make a new key, and encrypt everything anew with it, beside running services."""
    settings = _with_a_file(settings_of(state))
    fresh = new_key()
    write_private(settings.keys_path, keys_text([fresh, *read_keys(settings.keys_path)]))
    count = in_store(settings, _reseal)
    Spool.of(settings.state).note_command("keys.rotate", key=key_id(fresh), records=count)
    click.echo(f"The new key is {key_id(fresh)}; {count} records were encrypted anew.")


@keys.command()
@state_option
def reseal(state: Path) -> None:
    """Encrypt everything anew that is not encrypted with the newest key."""
    settings = settings_of(state)
    count = in_store(settings, _reseal)
    Spool.of(settings.state).note_command("keys.reseal", records=count)
    click.echo(f"{count} records were encrypted anew.")


@keys.command()
@state_option
def prune(state: Path) -> None:
    """Remove keys from the file that nothing needs any more."""
    settings = _with_a_file(settings_of(state))
    in_store(settings, _reseal)
    used = in_store(settings, _used)
    first, *rest = read_keys(settings.keys_path)
    kept = [first, *(key for key in rest if key_id(key) in used)]
    write_private(settings.keys_path, keys_text(kept))
    Spool.of(settings.state).note_command("keys.prune", removed=len(rest) + 1 - len(kept))
    click.echo(f"{len(rest) + 1 - len(kept)} keys were removed.")


def _with_a_file(settings: Settings) -> Settings:
    if settings.keys:
        raise InvalidInput(
            "The keys are in NBCOACH_KEYS: put a new one ('nbcoach keys new') before the others there, "
            "start the services again, and run 'nbcoach keys reseal'."
        )
    ensure_keys(settings)
    return settings


async def _reseal(store: Store) -> int:
    count = 0
    while changed := await store.reseal():
        count += changed
    return count


async def _used(store: Store) -> Counter[str]:
    keys_of_rows = [sealing_key(row) async for _, row in store.dump()]
    return Counter(key for key in keys_of_rows if key is not None)
