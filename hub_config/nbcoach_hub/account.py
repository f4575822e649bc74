"""`nbcoach account`: give somebody a password, and say what he learns and teaches."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .auditing import Spool
from .credentials import Credentials, write_private
from .keys import settings_of, state_option
from .settings import Members, Settings


@click.command()
@click.argument("user")
@state_option
@click.option("--learns", multiple=True, metavar="COURSE", help="A course that the user learns; may be repeated.")
@click.option("--teaches", multiple=True, metavar="COURSE", help="A course that the user teaches; may be repeated.")
@click.option("--admin", is_flag=True, help="Let the user administer the hub.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@click.option("--remove", is_flag=True, help="Remove the account instead; the user's files and attempts stay.")
def account(
    user: str,
    state: Path,
    learns: tuple[str, ...],
    teaches: tuple[str, ...],
    admin: bool,
    password_stdin: bool,
    remove: bool,
) -> None:
    """Add USER, or change what USER may do; courses and rights count from the next start on.

    A new user needs a password; an existing one is asked for a new one only with --password-stdin.
    """
    settings = settings_of(state)
    credentials, spool = Credentials(settings.credentials_file), Spool.of(settings.state)
    if remove:
        credentials.remove(user)
        _write(settings, settings.members().without(user))
        spool.note_command("user.delete", user)
        click.echo(f"{user} was removed.")
        return
    known = user in credentials.users()
    if password_stdin:
        credentials.set_password(user, sys.stdin.readline().rstrip("\n"))
    elif not known:
        credentials.set_password(user, click.prompt("Password", hide_input=True, confirmation_prompt=True))
    members = settings.members()
    _write(
        settings,
        members.placed(
            user,
            admin=admin or user in members.admins,
            learns=members.learnt_by(user) | set(learns),
            teaches=members.taught_by(user) | set(teaches),
        ),
    )
    rights = {name: given for name, given in (("admin", admin), ("learns", learns), ("teaches", teaches)) if given}
    spool.note_command("user.change" if known else "user.add", user, password=password_stdin or not known, **rights)
    click.echo(f"{user} was {'changed' if known else 'added'}.")


def _write(settings: Settings, members: Members) -> None:
    write_private(settings.members_file, members.to_json())
