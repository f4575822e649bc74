"""Colouring: source as nbconvert's filter colours it, but sooner.

One formatter serves all cells, what many learners have in common is coloured once, and plain Python is not
searched for IPython's magic at every token.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any, ClassVar, TypeVar

from ipython_pygments_lexers import IPython3Lexer
from nbconvert.filters.highlight import Highlight2HTML
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, TextLexer, get_lexer_by_name
from pygments.token import Operator, Punctuation, Text
from pygments.util import ClassNotFound

Shown = TypeVar("Shown")

_KEPT = 4096
_LONGEST = 16_384
"""Characters of source or cell that are worth remembering; most of what is longer is one learner's own."""
_MOST_COLOURED = 100_000
_NAMED = "\\N{"
_MOST_NAMED = 200
"""How many signs by name a source may have: the lexer looks for the end of each through all the rest of its line."""
_MAGIC = re.compile(r"%[%\w]|!(?!=)|\?")
"""Without any of these, no rule matches that IPython's lexer has and Python's has not."""


class _Python(PythonLexer):  # type: ignore[misc]
    """Python's lexer, which tries first what none of its other rules begins with: most of what stands in a line."""

    tokens: ClassVar = {
        **PythonLexer.tokens,
        "root": [
            (r"(?<=\S)[^\S\n]+", Text),
            (r"!=|==|<<|>>|:=|[-~+/*%=<>&^|]", Operator),
            (r"[]{}:(),;[]", Punctuation),
            *PythonLexer.tokens["root"],
        ],
    }


def remembered(render: Callable[[str], Shown]) -> Callable[[str], Shown]:
    """Return a function that remembers what came of a text, unless the text is long."""
    kept = lru_cache(maxsize=_KEPT)(render)
    return lambda text: kept(text) if len(text) <= _LONGEST else render(text)


class Coloured:
    """A filter that colours source.

    Args:
        colour: nbconvert's filter, for what names another language than the notebook's.

    """

    def __init__(self, colour: Highlight2HTML) -> None:
        self._colour = colour
        language = colour.pygments_lexer
        style = escape(f" highlight hl-{language}")
        self._formatter = HtmlFormatter(cssclass=style, **colour.extra_formatter_options)
        self._plain = None
        try:
            if language == "ipython3":
                self._lexer, self._plain = IPython3Lexer(), _Python()
            else:
                self._lexer = get_lexer_by_name(language)
        except ClassNotFound:
            self._lexer = None
        self._remembered = remembered(self._coloured)

    def __call__(self, source: str, language: str | None = None, metadata: Any = None) -> str:
        """Colour a source, as `Highlight2HTML` does; one that would take long is left without colours."""
        if len(source) > _MOST_COLOURED or source.count(_NAMED) > _MOST_NAMED:
            return str(highlight(source, TextLexer(), self._formatter))
        if self._lexer is None or language:
            return str(self._colour(source, language))
        return self._remembered(source)

    def _coloured(self, source: str) -> str:
        lexer = self._lexer if self._plain is None or _MAGIC.search(source) else self._plain
        return str(highlight(source or " ", lexer, self._formatter))
