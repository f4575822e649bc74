"""A stand-in for `nose.tools`, which many courses import and which Python has outgrown since 3.12.

Its assertions are those of `unittest` under other names.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
import types
import unittest
from collections.abc import Callable
from typing import Any

_OLD = {
    "assert_equals": "assertEqual",
    "assert_not_equals": "assertNotEqual",
    "assert_almost_equals": "assertAlmostEqual",
    "assert_items_equal": "assertCountEqual",
}


def offer() -> None:
    """Let `nose.tools` be imported where nose is not installed; idempotent."""
    if "nose" in sys.modules or importlib.util.find_spec("nose") is not None:
        return
    case = unittest.TestCase()
    case.maxDiff = None
    nose, tools = types.ModuleType("nose"), types.ModuleType("nose.tools")
    named = {_snake(name): name for name in dir(case) if name.startswith("assert")} | _OLD
    for name, method in named.items():
        setattr(tools, name, getattr(case, method))
    vars(tools).update(eq_=_equal, ok_=_holds, raises=_raises, SkipTest=unittest.SkipTest)
    vars(nose).update(tools=tools, __path__=[])
    sys.modules.update({"nose": nose, "nose.tools": tools})


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _equal(a: Any, b: Any, msg: str | None = None) -> None:
    if not a == b:
        raise AssertionError(msg or f"{a!r} != {b!r}")


def _holds(expr: Any, msg: str | None = None) -> None:
    if not expr:
        raise AssertionError(msg)


def _raises(*exceptions: type[BaseException]) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Decorate a test that has to raise one of some exceptions."""

    def decorate(test: Callable[..., Any]) -> Callable[..., None]:
        @functools.wraps(test)
        def checked(*args: Any, **options: Any) -> None:
            try:
                test(*args, **options)
            except exceptions:
                return
            raise AssertionError(f"{test.__name__}() did not raise {' or '.join(e.__name__ for e in exceptions)}")

        return checked

    return decorate
