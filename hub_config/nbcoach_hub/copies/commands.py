"""`nbcoach backup` and `nbcoach restore`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..auditing import Spool
from ..keys import settings_of, state_option
from ..settings import Settings
from .backup import make_copy
from .restore import restore_copy

_SHOWN = 5


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@state_option
@click.option("--with-keys", is_flag=True, help="Put the keys into the copy, which can then be read by itself.")
@click.option("--without-homes", is_flag=True, help="Leave learners' files out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backup(path: Path, state: Path, with_keys: bool, without_homes: bool, as_json: bool) -> None:
    """Copy accounts, store and learners' files into the new file PATH, also while the platform runs.

    MONGODB_URI, or NBCOACH_STORE_URL, names the store if it is not in the state folder.
    """
    settings = settings_of(state)
    done = make_copy(settings, path, with_keys=with_keys, with_homes=not without_homes)
    Spool.of(settings.state).note_command("data.backup", path=str(path.absolute()), with_keys=with_keys)
    told: dict[str, Any] = {"path": str(path), "bytes": done.bytes, "rows": done.rows, "files": done.files}
    _tell(told, done.skipped, as_json, f"{path}: {done.rows} records and {done.files} files, {done.bytes} bytes.")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@state_option
@click.option(
    "--keys",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File of the keys, for the state folder.",
)
@click.option("--without-keys", is_flag=True, help="Empty encrypted fields whose key is lost, instead of refusing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def restore(path: Path, state: Path, keys: Path | None, without_keys: bool, as_json: bool) -> None:
    """Restore the copy PATH into a new state folder and an empty store.

    MONGODB_URI, or NBCOACH_STORE_URL, names the store if it is not to be in the state folder; it may be of
    another kind than the one that was copied.
    """
    settings = replace(Settings.from_environment(), state=state.absolute())
    done = restore_copy(settings, path, keys=keys, without_keys=without_keys)
    Spool.of(settings.state).note_command("data.restore", path=str(path.absolute()), without_keys=without_keys)
    told: dict[str, Any] = {"state": str(state), "version": done.manifest.version, "at": done.manifest.at}
    told |= {"rows": done.manifest.rows, "files": done.files}
    _tell(told, done.skipped, as_json, f"{state}: {done.manifest.rows} records and {done.files} files.")


def _tell(told: dict[str, Any], skipped: tuple[str, ...], as_json: bool, sentence: str) -> None:
    if as_json:
        click.echo(json.dumps(told | {"skipped": list(skipped)}))
        return
    click.echo(sentence)
    if skipped:
        more = f" and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
        click.echo(
            f"Left out, as links that lead out, no files, or gone: {', '.join(skipped[:_SHOWN])}{more}.", err=True
        )
