"""Whether names are steady: whether calls of the functions among them leave nothing behind that later calls see.

A subject says so of itself. It is a claim, and only ever counts against who makes it: where it holds, a test that
failed after others had run beside the same process is not tried again beside a fresh one. A judge says so of the
author's functions and checks: where it holds, it can judge one notebook after the other.
"""

from __future__ import annotations

import builtins
import dis
import types
from collections.abc import Container, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

_PURE_MODULES = frozenset(
    {"builtins", "math", "cmath", "statistics", "re", "itertools", "functools", "collections", "string", "operator"}
    | {"datetime", "decimal", "fractions", "numbers", "typing", "numpy", "pandas", "scipy", "json", "textwrap"}
)
_LEAVING = frozenset(
    {"exec", "eval", "compile", "globals", "locals", "vars", "setattr", "delattr", "open", "input", "next"}
    | {"__import__", "breakpoint"}
)
_STORING = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR", "IMPORT_NAME"})
_STORING_CODES = frozenset(dis.opmap[name] for name in _STORING)
_STATEFUL = frozenset({"random", "seed"})
_DATA = (list, dict, set, bytearray, np.ndarray, pd.DataFrame, pd.Series)
_FEW = 10_000
_SMALL_BYTES = 2**20
_CONSTANTS = (int, float, complex, str, bytes, bool, type(None), frozenset, type(...))


def steady(names: Mapping[str, Any], apart: Container[str] = ()) -> bool:
    """Tell whether nothing that names stand for can change by being called; False where that is not plain.

    Args:
        names: the learner's globals.
        apart: names that are not his.

    """
    own = [value for name, value in names.items() if not name.startswith("_") and name not in apart]
    return all(_steady(value, names) for value in own)


def leaves_nothing(code: types.CodeType, names: Mapping[str, Any]) -> bool:
    """Tell whether running code as a module of its own changes nothing that outlives it.

    Names that are not known are a learner's, which live elsewhere, and of `data` the code gets a copy.
    """
    shown = {name: None if type(value) in _DATA else value for name, value in names.items()}
    return all(_harmless(part, shown, {"IMPORT_NAME"}, unknown=True) for part in _codes(code))


def data(names: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of data that can be changed in place."""
    return tuple(name for name, value in names.items() if type(value) in _DATA)


def small(value: Any) -> bool:
    """Tell whether data is quickly copied."""
    if isinstance(value, np.ndarray):
        return value.nbytes <= _SMALL_BYTES and value.dtype != object
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return value.size <= _FEW
    return len(value) <= _FEW and all(map(_constant, value.values() if isinstance(value, dict) else value))


def _steady(value: object, names: Mapping[str, Any]) -> bool:
    if isinstance(value, types.FunctionType):
        return _stateless(value, names)
    if isinstance(value, (types.ModuleType, types.BuiltinFunctionType, np.ufunc)):
        return True
    if callable(value) and not isinstance(value, type):
        return False
    kind = value if isinstance(value, type) else type(value)
    return str(kind.__module__).partition(".")[0] in _PURE_MODULES and not hasattr(value, "__next__")


def _stateless(function: types.FunctionType, names: Mapping[str, Any]) -> bool:
    if function.__globals__ is not names:  # a library's, or the author's in a module of its own
        return str(function.__module__).partition(".")[0] in _PURE_MODULES
    kept = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    if function.__closure__ or function.__dict__ or not all(map(_constant, kept)):
        return False
    return all(_harmless(code, names) for code in _codes(function.__code__))


def _harmless(
    code: types.CodeType, names: Mapping[str, Any], allowed: Container[str] = (), *, unknown: bool = False
) -> bool:
    if not _STATEFUL.isdisjoint(code.co_names):
        return False

    def harmless(name: str) -> bool:
        value = names.get(name, getattr(builtins, name, None))
        known = name in names or hasattr(builtins, name) or not unknown
        return name not in _LEAVING and (not known or _readable(value))

    if _STORING_CODES.isdisjoint(code.co_code[::2]) and all(map(harmless, code.co_names)):
        return True  # as mostly, whatever it is that it does with those names
    for instruction in dis.get_instructions(code):
        name = str(instruction.argval)
        if instruction.opname in _STORING and instruction.opname not in allowed:
            return False
        if instruction.opname == "IMPORT_NAME" and name.partition(".")[0] not in _PURE_MODULES:
            return False
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and not harmless(name):
            return False
    return True


def _readable(value: object) -> bool:
    """Tell whether code that reads a global has nothing there to change."""
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0] in _PURE_MODULES
    return _constant(value) or isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type))


def _constant(value: object) -> bool:
    return type(value) in _CONSTANTS or (type(value) is tuple and all(map(_constant, value)))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
