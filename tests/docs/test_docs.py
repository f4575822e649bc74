"""The documentation says what the code is: nothing undocumented, nothing that does not exist, no broken link.

Reference pages are tables. Each test compares one kind of table, both ways, with the code it describes.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest
from traitlets import Bool, Float, Int, Type

from nbcoach_exercises import errors
from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.events import Reaction
from nbcoach_exercises.schemas import load_schema
from nbcoach_exercises.solutions import KINDS, read_solution
from nbcoach_exercises.verdicts import Verdict
from nbcoach_grader.errors import GraderFailed
from nbcoach_grader.sandbox.landlock import LandlockSandbox
from nbcoach_grader.sandbox.namespaces import NamespaceSandbox
from nbcoach_grader.sandbox.plain import PlainSandbox
from nbcoach_hub import access
from nbcoach_hub.cli import main
from nbcoach_hub.protection import Level

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = (
    "exercises/nbcoach_exercises",
    "hub_config/nbcoach_hub",
    "grader/nbcoach_grader",
    "recommender/nbcoach_recommender",
    "extension/nbcoach_extension",
)
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
LINKING = [*PAGES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "exercises/courses/README.md"))]
FENCE = re.compile(r"^```(?:\{code-block\} )?(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)

Table = list[list[str]]


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", text)


def section(name: str, heading: str) -> str:
    """Return what stands below a heading, down to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", prose(page(name)), re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no heading {heading!r}"
    return found[1]


def tables(text: str) -> list[Table]:
    """Return the bodies of all tables."""
    found: list[Table] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in block.splitlines()]
        found.append([[row[0].strip("| "), *row[1:]] for row in rows[2:]])
    return found


def table(name: str, heading: str, number: int = 0) -> Table:
    return tables(section(name, heading))[number]


def code(cell: str) -> str:
    """Return the first code span of a cell."""
    found = re.search(r"`([^`]+)`", cell)
    assert found, f"no code in {cell!r}"
    return found[1]


def keys(rows: Table) -> list[str]:
    return [code(row[0]) for row in rows]


def sources() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.read_text("utf-8")


# -- words --------------------------------------------------------------------------------------


def test_verdicts() -> None:
    rows = tables(page("reference/verdicts.md"))[0]
    assert keys(rows) == [verdict.value for verdict in Verdict]
    words = (ROOT / "extension/src/widgets/words.ts").read_text("utf-8")
    assert [row[1] for row in rows if f"'{row[1]}'" not in words] == []


def described_type(schema: dict[str, Any]) -> list[str]:
    """Return what the type column of a property has to mention."""
    if "$ref" in schema:
        return [schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return [word for part in schema["anyOf"] for word in described_type(part)]
    if "const" in schema:
        return [f'`"{schema["const"]}"`']
    if "enum" in schema:
        return [f"`{word}`" for word in schema["enum"]]
    bounds = [str(schema[key]) for key in ("maxLength", "minimum", "maximum", "maxItems") if key in schema]
    return [schema["type"], *bounds, *(described_type(schema["items"]) if "items" in schema else ())]


@pytest.mark.parametrize(("schema", "name"), [("frames.v1", "reference/wire.md"), ("events.v1", "reference/events.md")])
def test_frames_and_events(schema: str, name: str) -> None:
    document = load_schema(schema)
    shown = keys(tables(page(name))[0])
    assert shown == [item["$ref"].rpartition("/")[2] for item in document["oneOf"]]
    for kind, body in document["$defs"].items():
        if "properties" not in body:
            continue
        rows = {code(row[0]): row[1] for row in table(name, kind)}
        assert list(rows) == list(body["properties"]), kind
        assert set(body["required"]) == set(body["properties"]), f"{kind}: the page says that all are required"
        for field, described in body["properties"].items():
            assert [word for word in described_type(described) if word not in rows[field]] == [], (kind, field)


def test_reactions() -> None:
    assert keys(table("reference/events.md", "learner-event", 1)) == [kind.value for kind in Reaction]


def flat(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the keys of an object schema with whether they are required."""
    for key, body in schema["properties"].items():
        yield prefix + key, key in schema.get("required", ())
        items = body.get("items", {})
        if "properties" in items:
            yield from flat(items, f"{prefix}{key}[].")
        elif "properties" in body:
            yield from flat(body, f"{prefix}{key}.")


@pytest.mark.parametrize(
    ("schema", "heading"), [("course.v1", "course.yaml"), ("exercise.v1", "metadata.nbcoach of a master notebook")]
)
def test_course_format(schema: str, heading: str) -> None:
    rows = table("reference/course-format.md", heading)
    assert [(code(row[0]), row[1] == "yes") for row in rows] == list(flat(load_schema(schema)))


def test_forms() -> None:
    rows = table("reference/course-format.md", "Questions with a form")
    keys_shown = [name.strip("` ") for row in rows for name in row[0].split(",")]
    assert keys_shown == list(load_schema("question.v1")["properties"])
    kinds = load_schema("question.v1")["properties"]["kind"]["enum"]
    assert [kind for kind in kinds if f"`{kind}`" not in rows[0][2]] == []


def test_sample_solutions() -> None:
    assert keys(table("reference/course-format.md", "Sample solutions", 1)) == [
        f"solutions/{kind}.py" for kind in KINDS
    ]


def test_errors() -> None:
    ours = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.NbcoachError)]
    meant = {kind.code: errors.status_of(kind.__new__(kind)) for kind in [*ours, GraderFailed]} | {"internal": 500}
    assert {code(row[0]): int(row[1]) for row in table("reference/services.md", "Errors")} == meant


def test_reasons() -> None:
    codes = {found for text in sources() for found in re.findall(r'\bReason\("([a-z-]+)"', text)}
    assert set(keys(table("explanation/recommender.md", "Why"))) == codes


# -- commands and services ----------------------------------------------------------------------


def commands() -> dict[str, click.Command]:
    with click.Context(main) as context:
        found = {name: main.get_command(context, name) for name in main.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_is_described() -> None:
    described = re.findall(r"^## nbcoach (\S+)$", page("reference/cli.md"), re.MULTILINE)
    assert sorted(described) == sorted(commands())
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"][
        "nbcoach.commands"
    ]
    assert {entry.name for entry in entry_points(group="nbcoach.commands")} == set(declared)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_described(name: str) -> None:
    parameters = {
        p.opts[0] if isinstance(p, click.Option) else p.human_readable_name: p for p in commands()[name].params
    }
    found = tables(section("reference/cli.md", f"nbcoach {name}"))
    rows = {code(row[0]): row for row in found[0]} if found else {}
    assert sorted(rows) == sorted(parameters)
    for key, parameter in parameters.items():
        if parameter.required:
            assert rows[key][1] == "required", key
        elif isinstance(parameter.default, (str, int, Path)) and not getattr(parameter, "is_flag", False):
            assert rows[key][1] == f"`{parameter.default}`", key
        if isinstance(parameter.type, click.Choice):
            assert [choice for choice in parameter.type.choices if f"`{choice}`" not in rows[key][2]] == []


def test_general_options() -> None:
    options = [parameter.opts[0] for parameter in main.params if isinstance(parameter, click.Option)]
    assert keys(tables(page("reference/cli.md"))[0]) == [*options, "--help"]


SERVICES = {
    "grader": "grader/nbcoach_grader/openapi.json",
    "recommender": "recommender/nbcoach_recommender/openapi.json",
    "accounts": "hub_config/nbcoach_hub/accounts/openapi.json",
    "status": "hub_config/nbcoach_hub/status/openapi.json",
    "extension": "extension/nbcoach_extension/openapi.json",
}
SHORT = {
    access.LEARN: "learn",
    access.TEACH: "teach",
    access.DATA: "data",
    access.LOG: "log",
    access.METRICS: "metrics",
    access.ACCOUNT: "account",
    access.ADMIN: "admin",
}


def test_every_service_is_described() -> None:
    found = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("openapi.json")}
    assert found == set(SERVICES.values())
    assert {code(row[0]): row[1] for row in table("reference/services.md", "Authentication")} == SHORT


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_described(service: str) -> None:
    paths = json.loads((ROOT / SERVICES[service]).read_text("utf-8"))["paths"]
    meant = {
        (verb.upper(), path): {SHORT[scope] for scope in operation.get("x-scopes", ())}
        for path, operations in paths.items()
        for verb, operation in operations.items()
        if verb != "parameters"
    }
    rows = table("reference/services.md", service)
    if service != "extension":
        rows = rows + table("reference/services.md", "Routes of every service")
    scopes = {(row[0], code(row[1])): row[2].split(", ") if len(row) > 3 else [] for row in rows}
    shown = {route: {word for word in words if word != "public"} for route, words in scopes.items()}
    assert shown == meant


def test_metrics() -> None:
    made = {name for text in sources() for name in re.findall(r'"(nbcoach_\w+)",\s*"[A-Z1]', text)}
    shown = set(re.findall(r"`(nbcoach_\w+)`", section("reference/services.md", "Metrics")))
    assert shown == made


# -- configuration ------------------------------------------------------------------------------

CONFIGURABLE = {
    "Service": "nbcoach_hub.service",
    "Grader": "nbcoach_grader.app",
    "Engine": "nbcoach_grader.engine.engine",
    "KernelEngine": "nbcoach_grader.kernels.engine",
    "Recommender": "nbcoach_recommender.app",
    "AccountsService": "nbcoach_hub.accounts",
    "Admission": "nbcoach_hub.identity.admission",
    "PasswordAuthenticator": "nbcoach_hub.identity.password",
    "OidcAuthenticator": "nbcoach_hub.identity.oidc",
    "LtiAuthenticator": "nbcoach_hub.identity.lti",
    "ConfinedSpawner": "nbcoach_hub.spawner",
    "DockerLearnerSpawner": "nbcoach_hub.containers.docker",
    "SwarmLearnerSpawner": "nbcoach_hub.containers.swarm",
    "NbcoachExtension": "nbcoach_extension",
}


@pytest.mark.parametrize("name", CONFIGURABLE)
def test_every_trait_is_described(name: str) -> None:
    kind = getattr(importlib.import_module(CONFIGURABLE[name]), name)
    traits = kind.class_own_traits(config=True)
    rows = {code(row[0]).removeprefix(f"{name}."): row[1] for row in table("reference/configuration.md", name)}
    assert sorted(rows) == sorted(traits)
    for key, trait in traits.items():
        default = trait.default_value
        computed = any(f"_{part}_{key}" in vars(kind) for part in ("default",)) or f"_{key}_default" in vars(kind)
        if isinstance(trait, (Int, Float, Bool)) and not computed:
            assert rows[key] == f"`{default}`", key
        elif isinstance(trait, Type):
            assert rows[key] == f"`{default.__name__}`", key


def test_no_configurable_class_is_forgotten() -> None:
    holders = {
        re.findall(r"^class (\w+)", text[: found.start()], re.MULTILINE)[-1]
        for text in sources()
        for found in re.finditer(r"\.tag\(\s*config=True\s*\)", text)
    }
    assert holders == set(CONFIGURABLE)


def test_settings_of_the_front_end() -> None:
    schema = json.loads((ROOT / "extension/schema/plugin.json").read_text("utf-8"))
    rows = {code(row[0]): row[1] for row in table("reference/configuration.md", "Front end")}
    assert rows == {key: f"`{json.dumps(body['default'])}`" for key, body in schema["properties"].items()}


def test_environment() -> None:
    read = {name for text in sources() for name in re.findall(r"\bNBCOACH_[A-Z_]*[A-Z]\b", text)}
    read |= {f"NBCOACH_{service}_URL" for service in ("GRADER", "RECOMMENDER", "ACCOUNTS")}
    shown = set(keys(table("reference/configuration.md", "Environment of the hub")))
    shown |= set(keys(table("reference/configuration.md", "Environment of services and servers")))
    assert shown == read


def test_levels_of_protection(tmp_path: Path) -> None:
    assert keys(table("howto/install.md", "What is protected")) == [level.value for level in Level]
    rows = {code(row[0]): row[1] for row in table("explanation/grading.md", "The sandbox")}
    sandboxes = (NamespaceSandbox(tmp_path, 7, own_user=True), LandlockSandbox(tmp_path, 7), PlainSandbox(tmp_path))
    assert rows == {sandbox.name: ", ".join(sandbox.protects) for sandbox in sandboxes}


def test_targets_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name for path in PAGES for name in re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert named == targets


# -- links and proofs ---------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    text = path.read_text("utf-8")
    slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in HEADING.findall(prose(text))]
    return {*slugs, *re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)}


@pytest.mark.parametrize("path", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file) if file else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    listed = re.findall(r"^((?:tutorials|howto|admin|reference|explanation)/\S+)$", page("index.md"), re.MULTILINE)
    assert sorted(listed) == sorted(str(p.relative_to(DOCS).with_suffix("")) for p in PAGES if p.name != "index.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_named_files_and_tests_exist(path: Path) -> None:
    missing = []
    named = r"`((?:tests|extension/src|exercises|hub_config|grader|recommender)/[\w./-]*[\w/])(?:::(\w+))?`"
    for file, test in re.findall(named, path.read_text("utf-8")):
        found = ROOT / file
        if not found.exists() or (test and f"def {test}(" not in found.read_text("utf-8")):
            missing.append(f"{file}::{test}")
    assert missing == []


def test_every_guarantee_has_a_word() -> None:
    text = page("explanation/security.md")
    assert re.findall(r"^### (G\d+) ", text, re.MULTILINE) == [f"G{number}" for number in range(1, 17)]
    for number in range(1, 17):
        body = re.search(rf"^### G{number} .*?\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL)
        assert body, number
        assert re.search(r"^(Holds|Not claimed)", body[1], re.MULTILINE), (
            f"G{number} says neither what holds nor what does not"
        )


# -- examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_examples_are_python(path: Path) -> None:
    for language, source in FENCE.findall(path.read_text("utf-8")):
        if language == "python" and not source.startswith(" "):
            compile(source, str(path), "exec")


def test_the_example_of_a_service_starts() -> None:
    source = next(s for kind, s in FENCE.findall(page("howto/develop.md")) if kind == "python")
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(source, namespace)
    namespace["Hello"]().check()


def test_the_authors_tutorial_works(tmp_path: Path) -> None:
    """Follow the tutorial to the letter, up to the browser."""
    blocks = FENCE.findall(page("tutorials/instructor.md"))
    course = tmp_path / "courses/weather"
    solutions = course / "average/solutions"
    solutions.mkdir(parents=True)
    (course / "course.yaml").write_text(next(s for kind, s in blocks if kind == "yaml"))
    script, *samples = [source for kind, source in blocks if kind == "python"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=environment, timeout=60, check=True)
    exercise = Catalogue.read(course.parent).course("weather").exercise("average")
    assert exercise.points == 4
    for kind, source in zip(KINDS, samples, strict=True):
        (solutions / f"{kind}.py").write_text(source)
        assert read_solution(solutions / f"{kind}.py").expected.keys() == {"average-tests"}
    command = [sys.executable, "-m", "nbcoach_hub.cli", "check", "exercise.ipynb"]
    done = subprocess.run(
        [*command, "--master", "exercise.ipynb", "--cell", "average"],
        cwd=course / "average",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout in [source for kind, source in blocks if kind == "text"]
