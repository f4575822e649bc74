"""All pages, of the services and of the hub: every sentence in German, nothing that runs, and JupyterHub's own bar."""

from __future__ import annotations

import json
import re
from html import unescape
from importlib import resources
from importlib.resources.abc import Traversable
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub.app import JupyterHub

from nbcoach_grader.sandbox.protection import Name, protection
from nbcoach_hub.service.words import Words
from nbcoach_hub.status import registry

PACKAGES = tuple(f"nbcoach_hub.{room}" for room in ("accounts", "identity", "service", "status"))
TEMPLATES = [
    (package, file)
    for package in PACKAGES
    for file in sorted((resources.files(package) / "templates").iterdir(), key=lambda file: file.name)
]


def words(package: str, language: str = "de") -> set[str]:
    file = resources.files(package) / "locale" / f"{language}.json"
    return set(json.loads(file.read_text("utf-8"))) if file.is_file() else set()


@pytest.mark.parametrize(("package", "file"), TEMPLATES, ids=[f"{package}/{file.name}" for package, file in TEMPLATES])
def test_every_sentence_of_a_page_is_there_in_german(package: str, file: Traversable) -> None:
    said = re.findall(r"""\b(?:_|fact)\((?:"([^"]+)"|'([^']+)')[,)]""", file.read_text("utf-8"))
    assert {one or other for one, other in said} - words("nbcoach_hub.service") - words(package) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_word_that_is_no_sentence_is_there_in_german(package: str) -> None:
    assert words(package, "en") - words(package) == set()


def test_what_the_parts_tell_the_status_page_is_there_in_german() -> None:
    told = set(
        re.findall(r'"(It [^"{]+\.)"', (resources.files(registry.__package__) / "registry.py").read_text("utf-8"))
    )
    told -= {"It answers with something that is no JSON.", "It answers with something that is no object."}
    assert len(told) == 3
    assert (told | {protection(name, held=False).meaning for name in Name}) - words("nbcoach_hub.status") == set()


def test_no_page_has_a_script_or_a_style_of_its_own() -> None:
    for _, file in TEMPLATES:
        text = file.read_text("utf-8")
        assert not re.search(r"<script|<style| style=| on[a-z]+=|javascript:|\| *safe", text), file.name


# -- the hub's pages ------------------------------------------------------------------------------

OWN, THEIRS = str(resources.files("nbcoach_hub.identity") / "templates"), JupyterHub().template_paths[0]


def render(template: str, language: str, own: bool = True, **told: Any) -> str:
    """Return a page of the hub, with our templates or without."""
    folders = [OWN, THEIRS] if own else [THEIRS]
    hubs = PrefixLoader({"templates": FileSystemLoader(THEIRS)})
    pages = Environment(loader=ChoiceLoader([hubs, FileSystemLoader(folders)]), autoescape=True)
    return pages.get_template(template).render(
        _=Words.of(["nbcoach_hub.identity"]).translate(language),
        language=language,
        static_url=lambda path, **_: path,
        authenticator=None,
        base_url="/hub/",
        **told,
    )


AMY = SimpleNamespace(
    name="<amy>", json_escaped_name="amy", spawner=SimpleNamespace(options_form=""), all_spawners=lambda **_: []
)
SERVICES = [SimpleNamespace(name="status", href="/services/status/")]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("page.html", {}),
        ("page.html", {"user": AMY}),
        ("page.html", {"user": AMY, "services": SERVICES, "parsed_scopes": {"admin-ui": {}}}),
        ("error.html", {"user": AMY, "status_code": 404, "status_message": "Not Found"}),
        ("home.html", {"user": AMY, "default_server": SimpleNamespace(active=False)}),
        ("home.html", {"user": AMY, "default_server": SimpleNamespace(active=True)}),
        ("home.html", {"user": AMY, "default_server": SimpleNamespace(active=True), "allow_named_servers": True, "named_server_limit_per_user": 0}),
        ("logout.html", {}),
        ("spawn_pending.html", {"user": AMY}),
        ("stop_pending.html", {"user": AMY}),
    ],
)  # fmt: skip
def test_in_english_a_page_says_what_jupyterhub_says(template: str, told: dict[str, Any]) -> None:
    ours, theirs = (render(template, "en", own, **{"parsed_scopes": {}, **told}) for own in (True, False))
    assert _shape(ours.replace(' lang="en"', "")) == _shape(theirs.replace(' lang="en"', ""))
    assert "<amy>" not in ours


def test_in_german_the_bar_is_german() -> None:
    shown = render("page.html", "de", user=AMY, services=SERVICES, parsed_scopes={"admin-ui": {}})
    bar = re.findall(r"<nav.*?</nav>", shown, re.DOTALL)[0]
    assert re.findall(r">\s*([^<>\s][^<>]*?)\s*</a>", bar) == [
        "Start",
        "Token",
        "Verwaltung",
        "Dienste",
        "status",
        "Abmelden",
    ]
    assert 'lang="de"' in bar
    assert "Toggle" not in bar


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({}, 'id="password_input"'),
        ({"login_term_url": "/terms?a&b"}, '<a href="/terms?a&amp;b">I accept the terms and conditions.</a>'),
        ({"custom_html": "<p>Begin in your course.</p>"}, "<p>Begin in your course.</p>"),
        ({"login_service": "<Campus>"}, "Sign in with &lt;Campus&gt;"),
    ],
)
def test_the_log_in_page_shows_what_the_hub_tells_it(told: dict[str, str], shown: str) -> None:
    page = render("login.html", "en", **told)
    assert shown in page
    assert ('id="login_terms"' in page) == ("login_term_url" in told)


def _shape(page: str) -> list[str]:
    """Return tags and texts without the white space and the plain wrappers around them."""
    parts = [" ".join(unescape(part).split()) for part in re.split(r"(<[^>]*>)", page)]
    shown, kept = " ".join(part for part in parts if part), []
    for part in re.findall(r"<[^>]*>|[^<]+", shown):
        text = part.replace(" />", ">").replace(" >", ">").strip()
        if text and text not in ("<div>", "</div>"):
            kept.append(text)
    return kept
