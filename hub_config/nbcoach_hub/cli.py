"""The command `nbcoach`. Other rooms add commands through the entry points `nbcoach.commands`; all load when used."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from nbcoach_exercises.errors import InvalidInput, NbcoachError

from . import __version__

_GROUP = "nbcoach.commands"
_OURS = [
    EntryPoint(name, f"nbcoach_hub.{place}", _GROUP)
    for name, place in {
        "account": "account:account",
        "backup": "copies.commands:backup",
        "doctor": "doctor:doctor",
        "keys": "keys:keys",
        "restore": "copies.commands:restore",
        "up": "up:up",
    }.items()
]


class BadInput(click.ClickException):
    """What was asked for is wrong."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands are imported only when they are used."""

    entry_points = _GROUP

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_offered(self.entry_points)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of this group's own, or one from a room."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        entry = _offered(self.entry_points).get(cmd_name)
        return None if entry is None else _load(entry)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; our own errors become one sentence and a status."""
        try:
            return super().invoke(ctx)
        except NbcoachError as err:
            raise (BadInput if isinstance(err, InvalidInput) else click.ClickException)(err.message) from err


def _offered(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in (*entry_points(group=group), *_OURS) if entry.group == group}


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


if __name__ == "__main__":
    main()
