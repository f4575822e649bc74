"""axe-core, which finds what people with a screen reader, or with weak sight, cannot use."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "extension/node_modules/axe-core/axe.min.js"


def serious_findings(page: Page, *own: str) -> list[tuple[str, str, str]]:
    """Return the rule, the element and the words of each serious finding in the elements of some selectors."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    # Lab's body clips what overflows and has no height: axe would take all text for hidden.
    page.evaluate("document.body.style.height = '100vh'")
    found = page.evaluate("own => axe.run({include: own.map(one => [one])})", list(own))
    assert "color-contrast" in {item["id"] for item in found["passes"] + found["violations"]}
    return [
        (item["id"], node["html"][:200], node["failureSummary"][:300])
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]
