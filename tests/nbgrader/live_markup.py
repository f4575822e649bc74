"""What of a page a browser would act on."""

from __future__ import annotations

from html.parser import HTMLParser


class Seen(HTMLParser):
    """Tags and attributes that a page would act on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.live: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "style", "svg", "object", "embed", "form", "base", "meta", "link"):
            self.live.append(tag)
        for name, value in attributes:
            address = (value or "").replace("\n", "").strip().lower()
            if (
                name.startswith("on")
                or name == "style"
                or address.startswith(("javascript:", "data:text", "vbscript:"))
            ):
                self.live.append(f"{tag} {name}={value}")
