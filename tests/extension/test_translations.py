"""Translations: nothing is missing, placeholders agree, and Jupyter serves what is in the catalogue."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jupyterlab_server.translation_utils import get_installed_packages_locale, get_language_packs

from nbcoach_grader.engine.difference import difference

EXTENSION = Path(__file__).parents[2] / "extension"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue", EXTENSION / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogue = load()
LANGUAGES = sorted(path.name for path in catalogue.LOCALE.iterdir())


def key(message: Any) -> tuple[str | None, Any]:
    return message.context, message.id


def texts(message: Any) -> list[str]:
    return list(message.id) if isinstance(message.id, tuple) else [message.id]


@pytest.fixture(params=LANGUAGES)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = catalogue.LOCALE / request.param / "LC_MESSAGES" / "nbcoach.po"
    return found


def test_german_is_there() -> None:
    assert "de_DE" in LANGUAGES


def test_no_text_is_missing_and_none_is_left_over(path: Path) -> None:
    wanted = {key(message) for message in catalogue.template() if message.id}
    found = {key(message) for message in catalogue.read(path) if message.id and all(catalogue.strings(message))}
    assert wanted - found == set(), "run 'python extension/catalogue.py' and translate what is empty"
    assert found - wanted == set(), "run 'python extension/catalogue.py'"


def test_placeholders_agree(path: Path) -> None:
    for message in catalogue.read(path):
        if message.id:
            for form, translated in zip(texts(message), catalogue.strings(message), strict=True):
                assert catalogue.placeholders(form) == catalogue.placeholders(translated), message.id


def test_code_stays_code(path: Path) -> None:
    """What stands between backticks is Python, in every language."""
    for message in catalogue.read(path):
        if message.context == catalogue.SERVER:
            before, after = (Counter(re.findall(r"`[^`]+`", text)) for text in (message.id, message.string))
            assert before == after, message.id


def test_compiled_catalogue_is_that_of_the_source(path: Path) -> None:
    written = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert written == json.loads(catalogue.compiled(catalogue.read(path))), "run 'python extension/catalogue.py'"


def test_front_end_knows_what_the_servers_say() -> None:
    assert catalogue.SENTENCES.read_text("utf-8") == catalogue.sentences_module(), "run 'python extension/catalogue.py'"


DIFFER: list[tuple[Any, Any]] = [
    (0.1 + 0.2, 0.3),
    ("2", 2),
    ([list(range(30))], [["x", *range(29)]]),
    ("Hello", "hello"),
    (["a  b" * 9], ["a b" * 9]),
    ("a long text it is", "a long test it is"),
    ("one\ntwo\nthree four\n", "one\ntoo\nthree four\n"),
    ("abc" * 9, "abc" * 9 + "de"),
    ("abc" * 9 + "de", "abc" * 9),
    (list(range(30)), list(range(29))),
    ([list(range(29))], [list(range(30))]),
    ({"k" * 60: 1}, {"k" * 60: 1, "m": 1}),
    ({"k" * 60: 1, "m": 1}, {"k" * 60: 1}),
    (set(range(30)), set(range(29))),
    (set(range(29)), set(range(30))),
    (np.arange(50), np.arange(49)),
    (np.arange(50), np.arange(50.0)),
    (np.zeros((9, 9)), np.eye(9)),
    ([np.zeros(9)], [np.array([*[0] * 8, 1.0])]),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2]})),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]})),
]


@pytest.mark.parametrize(("actual", "expected"), DIFFER)
def test_front_end_knows_how_the_judge_tells_a_difference(actual: Any, expected: Any) -> None:
    said = difference(actual, expected)
    assert said is not None
    while "At " in said:
        said = said.partition(": ")[2]
    known = [re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)) for text in catalogue.DETAILS if "{rest}" not in text]
    assert any(re.fullmatch(pattern, said) for pattern in known), said


@pytest.mark.parametrize("sentence", [*catalogue.SPOKEN, *catalogue.DETAILS])
def test_servers_still_say_it(sentence: str) -> None:
    assert re.sub(r"\{\w+\}", "{}", sentence) in catalogue.said()


@pytest.mark.parametrize("language", LANGUAGES)
def test_jupyter_offers_the_language_and_serves_our_texts(language: str) -> None:
    packs, problems = get_language_packs()
    assert problems == ""
    assert language in packs
    served, problems = get_installed_packages_locale(language)
    assert problems == ""
    assert served["nbcoach"]["Check"] != ["Check"]
