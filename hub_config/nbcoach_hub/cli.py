"""The command `nbcoach`. Other rooms add commands through the entry points `nbcoach.commands`."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from nbcoach_exercises.errors import InvalidInput, NbcoachError

from . import __version__
from .account import account
from .copies.commands import backup, restore
from .doctor import doctor
from .keys import keys
from .up import up


class BadInput(click.ClickException):
    """What was asked for is wrong."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands from other rooms are imported only when they are used."""

    entry_points = "nbcoach.commands"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_offered(self.entry_points)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of ours or of another room."""
        own = super().get_command(ctx, cmd_name)
        entry = _offered(self.entry_points).get(cmd_name)
        return own if own is not None or entry is None else _load(entry)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; our own errors become one sentence and a status."""
        try:
            return super().invoke(ctx)
        except NbcoachError as err:
            raise (BadInput if isinstance(err, InvalidInput) else click.ClickException)(err.message) from err


def _offered(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def _load(entry: EntryPoint) -> click.Command:
    try:
        command = entry.load()
    except (ImportError, AttributeError) as err:
        reason = str(err)

        def refuse() -> None:
            raise click.ClickException(f"The command {entry.name!r} cannot be loaded: {reason}")

        return click.Command(entry.name, callback=refuse, help="(cannot be loaded)")
    if not isinstance(command, click.Command):
        raise click.ClickException(f"The entry point {entry.value!r} is no command.")
    return command


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="nbcoach")
def main() -> None:
    """Learn in Jupyter notebooks, with instant feedback and the next exercise chosen for you."""


main.add_command(account)
main.add_command(backup)
main.add_command(keys)
main.add_command(restore)
main.add_command(up)
main.add_command(doctor)

if __name__ == "__main__":
    main()
