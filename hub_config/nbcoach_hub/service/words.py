"""The words of pages: English is the key, `locale/<language>.json` of a package has the rest.

`locale/en.json` has those keys that are no sentences, such as names of fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from typing import Self

LANGUAGES = ("en", "de")
"""The languages of all pages."""


class Words:
    """Translations of English sentences."""

    def __init__(self, catalogues: Mapping[str, Mapping[str, str]]) -> None:
        self._catalogues = catalogues

    @classmethod
    def of(cls, packages: Iterable[str]) -> Self:
        """Read the words of some packages; where two translate the same sentence, the last one counts."""
        names = list(packages)
        return cls(
            {
                language: {
                    english: other for package in names for english, other in _catalogue(package, language).items()
                }
                for language in LANGUAGES
            }
        )

    def translate(self, language: str) -> Callable[..., str]:
        """Return a function from an English sentence, with `{names}` of what is put in, to a language."""
        catalogue = self._catalogues.get(language, {})

        def translated(english: str, **values: object) -> str:
            text = catalogue.get(english, english)
            return text.format(**values) if values else text

        return translated


def preferred(header: str) -> str:
    """Return the language of ours that an `Accept-Language` header likes best."""
    liked: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.strip().partition("-")[0].lower()
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and quality > 0:
            liked.append((-quality, language))
    return min(liked, key=lambda pair: pair[0])[1] if liked else LANGUAGES[0]


def _catalogue(package: str, language: str) -> dict[str, str]:
    file = resources.files(package) / "locale" / f"{language}.json"
    words: dict[str, str] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return words
