"""MIME bundles: what a learner's cell displays, made inert for whoever looks at it.

A graded notebook is shown by nbgrader's formgrader in the instructor's own session, and on the learner's feedback
page, and neither cleans an output. So HTML keeps tags and attributes that lay out text and tables, addresses of other
sites and images that it brings along; formulas in it are not typeset, as they have commands of their own. What needs
more than that to be seen, such as a script, is shown by its plain text. A drawing (SVG) becomes an image, in which
nothing runs.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache

import nh3

from ..engine.displays import IMAGES, MAX_PIXELS, Display, image_bytes, pixels
from ..feedback import clean
from .markup import harmless, is_risky

_TAGS = set(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins"
        " kbd li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var",
    )
)
_CELL = {"align", "colspan", "rowspan", "scope"}
_ATTRIBUTES = {
    "a": {"href"},
    "col": {"span"},
    "colgroup": {"span"},
    "img": {"alt", "src"},
    "ol": {"start"},
    "table": {"border"},
    "td": _CELL,
    "th": _CELL,
}
_NEEDS_MORE = re.compile(
    r"<\s*/?\s*(?:script|iframe|frame|form|input|button|select|textarea|object|embed|canvas|video|audio|link|base|meta)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
_IMAGE = re.compile(r"data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=\s]+)")
_WIDTH = re.compile(r"\d{1,3}")
_LONGEST = 65_536
_NO_FORMULAS = "tex2jax_ignore mathjax_ignore"
"""What MathJax passes over, in its second version and later ones."""


def bundle(display: Display) -> dict[str, str]:
    """Return what a notebook may hold of a display, by MIME type; nothing where nothing of it can be shown."""
    made = {kind: _inert(kind, value) for kind, value in display.data.items()}
    if made.pop("image/svg+xml", "") and not made.get("text/html"):
        made["text/html"] = _drawing(str(display.data["image/svg+xml"]))
    return {kind: value for kind, value in made.items() if value}


def inert(html: str) -> str:
    """Return HTML in which nothing runs, asks another site for anything or leaves its place; empty if nothing is left.

    Args:
        html: what a learner's object says that it looks like.

    """
    return _known(html) if len(html) <= _LONGEST else _cleaned(html)


def _cleaned(html: str) -> str:
    if _NEEDS_MORE.search(html):
        return ""
    cleaned = nh3.clean(
        html.encode("utf-8", "replace").decode(),
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        allowed_classes={"table": {"dataframe"}},
        url_schemes={"data", "http", "https", "mailto"},
        link_rel="noopener noreferrer",
    ).strip()
    return f'<div class="{_NO_FORMULAS}">{cleaned}</div>' if cleaned else ""


_known = lru_cache(maxsize=256)(_cleaned)  # the author's first cells display the same in everybody's notebook


def _inert(kind: str, value: str | bytes) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode() if kind in IMAGES else ""
    match kind:
        case "text/plain":
            return clean(value)
        case "text/html":
            return inert(value)
        case "text/markdown":
            return harmless(value)[0]
        case "text/latex":
            return "" if is_risky(value) else clean(value)
        case "image/svg+xml":
            return value
    return ""


def _drawing(svg: str) -> str:
    data = base64.b64encode(svg.encode("utf-8", "replace")).decode()
    return f'<img alt="drawing" src="data:image/svg+xml;base64,{data}">'


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return the value that an attribute may have, or None if it may not be there."""
    if name == "href":
        return value if _ADDRESS.fullmatch(value) else None
    if name == "src":
        found = _IMAGE.fullmatch(value)
        return value if found and 0 < pixels(found[1], image_bytes(found[2])) <= MAX_PIXELS else None
    if name in ("border", "colspan", "rowspan", "span", "start"):
        return value if _WIDTH.fullmatch(value) else None
    return value
