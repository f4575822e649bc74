"""The catalogue of translations: what there is to translate, and what Jupyter reads.

Three kinds of text reach a learner, and all are in the gettext domain `nbcoach`:

- those of the front end, `trans.__("…")` in `src/`;
- those of the settings page, in `schema/plugin.json`, in the contexts that jupyterlab_server asks for;
- sentences of the servers, in the context `server`. Servers speak English, whoever asks: what they say is kept
  in logs and in the store, and read by people of all languages. The front end knows their sentences
  (`src/sentences.ts`, written by this script) and says them in the learner's language.

Run it after a change of any of these: it brings `sentences.ts` and each `nbcoach.po` up to date and writes the
`nbcoach.json` beside it. Fill in what is empty in the `.po`, and run it again. A test tells when that was forgotten.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from nbcoach_grader import explanation, style_rules
from nbcoach_grader.engine import explained

HERE = Path(__file__).parent
ROOT = HERE.parent
LOCALE = HERE / "nbcoach_extension" / "locale"
SENTENCES = HERE / "src" / "sentences.ts"
DOMAIN = "nbcoach"
VERSION = json.loads((HERE / "package.json").read_text("utf-8"))["version"]
SERVER = "server"
_KEYWORDS = {"__": None, "_n": (1, 2), "_p": ((1, "c"), 2)}
_SPEAKERS = (
    "exercises/nbcoach_exercises/errors.py",
    "extension/nbcoach_extension/*.py",
    "grader/nbcoach_grader/*.py",
    "grader/nbcoach_grader/engine/*.py",
)

SPOKEN = (
    "The code did not finish in time.",
    "The code ended the process that it ran in.",
    "The code used too much memory.",
    "The check did not hold.",
    "The check itself took too long.",
    "This part is not written yet.",
    "A function that ends without return gives back None.",
    "The cell {0} was missing; the author's version was used.",
    "The cell {0} was changed; the author's version was used.",
    "The cell {0} stands there twice; the one that was worked on counts.",
    "The cell {0} stands there twice; the first one counts.",
    "The cell {0} had lost its id; the cell in its place was taken.",
    "The exercise has a newer version, which was used; open it again to get it.",
    "The grader cannot be reached at the moment.",
    "The {0} cannot be reached at the moment.",
    "The {0} answered {1}.",
    "The grader failed; try again.",
    "Too many requests are waiting for the grader.",
    "There is no course {0}.",
    "Course {0} has no exercise {1}.",
)
"""Sentences of the servers that stand among other code; a test looks whether they are still said."""

JUDGED = (
    "{0} is {1}, expected {2}",
    "{0} is {1}, expected at least {2}",
    "{0} is {1}, expected at most {2}",
    "{0} is {1}, expected less than {2}",
    "{0} is {1}, expected more than {2}",
    "{0} is {1}, expected anything but {2}",
    "{0} is {1}, expected about {2}",
    "{0} is {1}, expected something empty or false",
    "{0} is {1}, expected type {2}",
    "{0} is {1} of type {2}, expected type {3}",
    "{0} is {1}, which is not in {2}",
    "{0} is {1}, which is in {2}",
    "{0} is {1}, which should contain {2}",
    "{0} is {1}, which should not contain {2}",
    "for {0}: {rest}",
    "{0} is:",
)
"""First lines that the judge puts together for a visible check; `{rest}` is one of them itself."""

DETAILS = (
    "At {0}: {rest}",
    "They differ by {0} only, as rounding does.",
    "{0} instead of {1}.",
    "It is of type {0}, not {1}.",
    "{0} is of type {1}, not {2}.",
    "Only upper and lower case differ.",
    "Only spaces or line breaks differ.",
    "{0} at the end is missing.",
    "{0} at the end is too much.",
    "Line {0}, character {1}: {2} instead of {3}.",
    "Character {0}: {1} instead of {2}.",
    "Length {0} instead of {1}; [{2}] is missing: {3}.",
    "Length {0} instead of {1}; [{2}] is too much.",
    "Missing keys: {0}.",
    "Unexpected keys: {0}.",
    "Missing items: {0}.",
    "Unexpected items: {0}.",
    "The shape is {0} instead of {1}.",
    "The dtype is {0} instead of {1}.",
    "{0} of {1} items differ, first at [{2}]: {3} instead of {4}.",
    "Columns {0} instead of {1}.",
    "Index {0} instead of {1}.",
    "Row {0}: {1} instead of {2}.",
    "where {0} is {1}",
)
"""Lines that the judge puts below its first one. An author may say the like, so they are known only there."""

HEADS = tuple(
    dict.fromkeys(f"{words.format('').strip()}:" for words in (*explained._EXPECTED.values(), "expected about {}"))
)
"""What stands between two tables that are shown one below the other."""


def sentences() -> list[str]:
    """Return the servers' sentences; what changes in them stands as {0} or {name}."""
    exceptions = [words for rules in explanation._RULES.values() for _, words in rules]
    styled = [words for pair in style_rules.RULES.values() for words in pair]
    return list(dict.fromkeys([*SPOKEN, *exceptions, *styled]))


@cache
def said() -> frozenset[str]:
    """Return all texts in the servers' code, with {} for what changes in them."""
    found: set[str] = set()
    for pattern in _SPEAKERS:
        for path in ROOT.glob(pattern):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    found.add("".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values))
    return frozenset(found)


def template() -> Catalog:
    """Return all that there is to translate."""
    catalog = Catalog(domain=DOMAIN, project="nbcoach", version=VERSION)
    for path in sorted([*HERE.glob("src/*.ts"), *HERE.glob("src/widgets/*.ts*")]):
        place = path.relative_to(HERE).as_posix()
        for _, text, _, context in extract_from_file("javascript", path, keywords=_KEYWORDS, options={"jsx": True}):
            catalog.add(text, locations=[(place, 0)], context=context)
    for context, text in _schema_texts():
        catalog.add(text, locations=[("schema/plugin.json", 0)], context=context)
    for text in (*sentences(), *JUDGED, *DETAILS, *HEADS):
        catalog.add(text, locations=[("servers", 0)], context=SERVER)
    return catalog


def _schema_texts() -> Iterator[tuple[str, str]]:
    """Yield context and text of the settings page, as jupyterlab_server's selectors name them."""
    schema = json.loads((HERE / "schema/plugin.json").read_text("utf-8"))
    yield "schema", schema["title"]
    yield "schema", schema["description"]
    yield "settings", schema["jupyter.lab.setting-icon-label"]
    for item in schema["properties"].values():
        for name in ("title", "description"):
            if name in item:
                yield "settings", item[name]


def read(path: Path) -> Catalog:
    """Read a `.po` file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=DOMAIN)


def strings(message: Message) -> list[str]:
    """Return a message's translation, in all its plural forms; empty where there is none yet."""
    found = message.string
    return list(found) if isinstance(found, (tuple, list)) else [found or ""]


def compiled(catalog: Catalog) -> str:
    """Return a catalogue in the form that JupyterLab reads."""
    body: dict[str, object] = {
        "": {
            "domain": DOMAIN,
            "version": VERSION,
            "language": str(catalog.locale).replace("_", "-"),
            "plural_forms": catalog.plural_forms,
        }
    }
    for message in catalog:
        if message.id and not message.fuzzy:
            first = message.id[0] if isinstance(message.id, tuple) else message.id
            key = f"{message.context}\x04{first}" if message.context else first
            if all(strings(message)):
                body[key] = strings(message)
    return json.dumps(body, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def sentences_module() -> str:
    """Return the text of `sentences.ts`."""
    kinds = {
        "SENTENCES": ("What the servers say; what changes in a sentence stands as {0} or {name}.", sentences()),
        "JUDGED": ("First lines of the judge; {rest} is one of them itself.", JUDGED),
        "DETAILS": ("Lines that the judge puts below; {rest} is one of them itself.", (*DETAILS, *HEADS)),
    }
    written = ["// Written by `catalogue.py`.\n"]
    for name, (what, texts) in kinds.items():
        lines = ",\n".join(f"  {json.dumps(text, ensure_ascii=False)}" for text in texts)
        written.append(f"\n/**\n * {what}\n */\nexport const {name}: readonly string[] = [\n{lines}\n];\n")
    return "".join(written)


def placeholders(text: str) -> set[str]:
    """Return what is filled into a text: %1, {0}, {name}."""
    return set(re.findall(r"%\d|\{\w+\}", text))


def main() -> None:
    """Bring everything up to date, and say what is not translated yet."""
    SENTENCES.write_text(sentences_module(), "utf-8")
    for path in sorted(LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        catalog = read(path)
        catalog.update(template(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalog, width=100, sort_output=False, omit_header=False)
        path.with_suffix(".json").write_text(compiled(catalog), "utf-8")
        missing = [message.id for message in catalog if message.id and not all(strings(message))]
        print(f"{path.relative_to(HERE)}: {len(catalog)} texts, {len(missing)} to translate")


if __name__ == "__main__":
    main()
