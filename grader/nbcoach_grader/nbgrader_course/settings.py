"""Settings: what a course configures of `nbgrader autograde`, taken over or named as not honoured.

nbgrader's own converter reads them, so defaults and checks are its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nbgrader.converters import Autograde, BaseConverter, GenerateFeedback

from nbcoach_exercises.errors import InvalidCourse
from nbcoach_exercises.model import DataFile, Limits

from .directory import Directory, Place, option
from .execute import Execute

_EXECUTION = ("Execute", "ExecutePreprocessor", "NotebookClient")
MAX_SECONDS = 3600.0
"""What a course gets that wants no time limit."""

_WITHOUT_EFFECT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        _EXECUTION,
        (
            *("allow_error_names", "extra_arguments", "kernel_name", "execute_retries", "startup_timeout"),
            *("record_timing", "skip_cells_with_tag", "store_widget_state"),
        ),
    ),
    "IgnorePattern": ("enabled",),
    "LimitOutput": ("max_lines", "max_traceback"),
}


class Settings:
    """What a course configures.

    Args:
        directory: the course.

    Raises:
        InvalidCourse: nbgrader would not take the configuration.

    """

    def __init__(self, directory: Directory) -> None:
        parts = {"coursedir": directory.paths, "config": directory.config}
        try:
            self._autograde, self._feedback = Autograde(**parts), GenerateFeedback(**parts)
        except Exception as err:  # nbgrader imports hooks by name, and what it raises then is of any kind
            raise InvalidCourse(f"{directory.root / 'nbgrader_config.py'}: {err}") from err
        self._config = directory.config
        self._running = threading.Lock()

    @property
    def limits(self) -> Limits:
        """Return what a cell may use: nbgrader's time limit where the course sets one."""
        for section in _EXECUTION:
            seconds = option(self._config, section, "timeout", Ellipsis)
            if seconds is not Ellipsis:
                bounded = MAX_SECONDS if seconds is None or seconds < 0 else float(seconds)
                return Limits(seconds=min(max(bounded, 1.0), MAX_SECONDS))
        return Limits()

    def own_files(self, assignment: str, submitted: Mapping[str, bytes]) -> tuple[DataFile, ...]:
        """Return those of a learner's files that the course lets stand in the place of the author's."""
        named = self._autograde.exclude_overwriting.get(assignment, ())
        return tuple(DataFile(name, submitted[name]) for name in named if name in submitted)

    def warnings(self) -> Iterator[str]:
        """Yield what is configured and has no effect here."""
        lists: Sequence[tuple[BaseConverter, str]] = (
            (self._autograde, "sanitize_preprocessors"),
            (self._autograde, "autograde_preprocessors"),
            (self._feedback, "preprocessors"),
        )
        for converter, name in lists:
            kind = type(converter).__name__
            for added in _added(getattr(converter, name), converter.trait_defaults(name)):
                yield f"{kind}.{name}: {added} is not run; only nbgrader's own steps are, in nbcoach's way."
        for name in ("pre_convert_hook", "post_convert_hook"):
            hook = getattr(self._feedback, name)
            if hook is not None and hook is not getattr(self._autograde, name):
                yield f"GenerateFeedback.{name} is called by `nbgrader generate_feedback` only."
        for section, names in _WITHOUT_EFFECT.items():
            for name in names:
                if option(self._config, section, name, None) is not None:
                    yield f"{section}.{name} has no effect here."

    async def before(self, place: Place) -> str | None:
        """Call the course's `pre_convert_hook` for a submission; return what went wrong."""
        return await self._called("pre_convert_hook", place)

    async def after(self, place: Place) -> str | None:
        """Call the course's `post_convert_hook` for a submission that is written; return what went wrong."""
        return await self._called("post_convert_hook", place)

    async def _called(self, name: str, place: Place) -> str | None:
        hook: Callable[..., object] | None = getattr(self._autograde, name)
        return None if hook is None else await asyncio.to_thread(self._call, hook, name, place)

    def _call(self, hook: Callable[..., object], name: str, place: Place) -> str | None:
        """Call a hook as nbgrader does, one at a time; what it prints goes to standard error."""
        notebooks = sorted(str(path) for path in place.folder.glob("*.ipynb"))
        with self._running, contextlib.redirect_stdout(sys.stderr):
            try:
                hook(assignment=place.assignment, student=place.student, notebooks=notebooks)
            except Exception as err:  # nbgrader goes on, too
                return f"{name} failed for {place.folder}: {type(err).__name__}: {err}"
        return None


def _added(configured: Iterable[Any], usual: Iterable[type]) -> list[str]:
    """Return the names of steps that are not nbgrader's; ours for its `Execute` is what happens anyway."""
    known = {*usual, Execute}
    known_names = {f"{kind.__module__}.{kind.__qualname__}" for kind in known} | {
        f"nbgrader.preprocessors.{kind.__name__}" for kind in usual
    }
    found = [kind for kind in configured if not (kind in known_names if isinstance(kind, str) else kind in known)]
    return [kind if isinstance(kind, str) else getattr(kind, "__name__", type(kind).__name__) for kind in found]
