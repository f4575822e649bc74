"""Markup: a learner's text, made harmless for whoever looks at it.

Notebook viewers show the HTML that stands in a text cell; nbgrader's formgrader does so in the instructor's own
session. So of a learner's text only bare tags that format are kept, and any other `<` that could open one becomes a
character. A text with anything that could run by another way (an address of a script, a diagram, a
formula with links) is shown as it was typed. Markdown itself stays.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MAX_IMAGE_BYTES = 2 * 2**20
MAX_TEXT = 200_000
MAX_ENVIRONMENTS = 200
"""How many formulas may begin in a text: a viewer looks for the end of each through all the rest."""

_IMAGES = ("image/png", "image/jpeg", "image/gif")
_KEPT = (
    "b|i|u|s|em|strong|del|ins|mark|small|sub|sup|br|hr|p|code|pre|kbd|ul|ol|li|table|thead|tbody|tr|th|td|blockquote"
)
_OPENING = re.compile(rf"<(?!/?(?:{_KEPT})\s*/?>)(?=[A-Za-z/!?])", re.IGNORECASE)
_NOISE = re.compile(r"[\\\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]+")
_RISKY = re.compile(
    r"javascript:|vbscript:|livescript:|data:(?!image/(?:png|jpeg|gif);)|mermaid"
    r"|(?<![a-z])(?:href|cssid|unicode|require)\{|(?<![a-z])(?:style|class)\{",
    re.IGNORECASE,
)
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\ufeff]+")
_COMMANDS = re.compile(r"\\(?:href|style|class|cssid|unicode|require|mmltoken|bbox|html)", re.IGNORECASE)
"""Commands of formulas that bring addresses or styles, under whatever name a macro gives them another time."""

_ATTACHED = re.compile(r"attachment:", re.IGNORECASE)
_NAMED = re.compile(r"\]\(attachment:([\w.\-]+)\)")


def harmless(text: str, attachments: Any = None) -> tuple[str, dict[str, dict[str, str]]]:
    """Return a learner's Markdown without live parts, and the images that it may show.

    Args:
        text: what he wrote.
        attachments: the cell's attachments; only images that really are some are kept.

    """
    shown = text[:MAX_TEXT].encode("utf-8", "replace").decode()
    images = _images(attachments)
    named = _NAMED.findall(shown)
    lost = len(_ATTACHED.findall(_meant(shown))) != len(named) or not set(named) <= set(images)
    if lost or is_risky(shown) or shown.count("\\begin{") > MAX_ENVIRONMENTS:
        return "\n".join("    " + line for line in shown.splitlines()), {}
    return _OPENING.sub("&lt;", shown), {name: images[name] for name in named}


def is_risky(text: str) -> bool:
    """Tell whether a text holds an address or a formula that could run something."""
    commands = _COMMANDS.search(_UNSEEN.sub("", _plain(text)))
    return commands is not None or _RISKY.search(_meant(text)) is not None


def _meant(text: str) -> str:
    """Return a text as a viewer would understand it, however it is disguised."""
    return _NOISE.sub("", _plain(text))


def _plain(text: str) -> str:
    return html.unescape(unquote(html.unescape(text)))


def _images(attachments: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, bundle in attachments.items() if isinstance(attachments, Mapping) else ():
        for kind in _IMAGES:
            data = bundle.get(kind) if isinstance(bundle, Mapping) else None
            if isinstance(name, str) and isinstance(data, str) and len(data) <= MAX_IMAGE_BYTES and _is_base64(data):
                found[name] = {kind: data}
                break
    return found


def _is_base64(data: str) -> bool:
    try:
        base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True
