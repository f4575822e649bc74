"""Checks and forms as ipywidgets: in a real kernel's shell, against a real server, without our front end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import ipywidgets as ipw
import pytest
from coach_services import TOKEN, notebook
from IPython.core.interactiveshell import InteractiveShell

from nbcoach_extension.widgets import Companion, check, companion, connection, question
from nbcoach_extension.widgets.connection import Server, judged
from nbcoach_extension.widgets.document import Document
from nbcoach_extension.widgets.errors import WidgetError
from nbcoach_extension.widgets.views import form_view

CHOICE = {"kind": "choice", "variable": "way", "prompt": "Which <b>way</b>?", "options": ["a bus", "a ferry"]}
FORMS = {
    "choice": CHOICE,
    "several": CHOICE | {"multiple": True},
    "order": CHOICE | {"kind": "order"},
    "number": {"kind": "number", "variable": "price", "prompt": "How much?", "unit": "€", "minimum": 0},
}


@pytest.fixture
def saved(tmp_path, monkeypatch) -> Path:
    """A saved exercise, in whose folder the kernel runs; its cell `total` has a form."""
    book = notebook()
    cell = next(c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "total")
    cell["metadata"]["nbcoach"]["question"] = CHOICE
    cell["source"] = "way = None"
    path = tmp_path / "factorial.ipynb"
    path.write_text(json.dumps(book))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(companion, "_written", {})
    return path


@pytest.fixture
def server(jp_serverapp, http_server_client, jp_http_port, jp_base_url, monkeypatch) -> Server:
    """The server of the kernel; the hub's token in this process is that of the services, not of this server."""
    found = Server(f"http://127.0.0.1:{jp_http_port}{jp_base_url}", jp_serverapp.identity_provider.token)
    monkeypatch.setattr(Server, "own", lambda: found)
    return found


def find(widget, kind):
    """Return all widgets of a kind inside of one."""
    inner = [found for child in getattr(widget, "children", ()) for found in find(child, kind)]
    return [widget, *inner] if isinstance(widget, kind) else inner


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_check_goes_through_the_server_and_shows_what_came(saved, server, upstream):
    book = json.loads(saved.read_text())
    book["cells"][1]["source"] = "def factorial(n):\n    half = n"
    saved.write_text(json.dumps(book))
    shown = check("fact")
    (button,), (html,) = find(shown, ipw.Button), find(shown, ipw.HTML)
    button.click()
    await until(lambda: "points" in html.value)
    assert "1 of 2 points" in html.value
    assert "&lt;i&gt;raises&lt;/i&gt;" in html.value
    assert not button.disabled
    (frame,) = upstream.frames
    assert (frame.course, frame.exercise, frame.version, frame.cell) == ("first-steps", "factorial", "v1", "fact")
    assert [cell.grade_id for cell in frame.cells] == ["fact", "test-fact", "total", "test-total"]


async def test_a_form_s_answer_is_checked_before_the_cell_has_it(saved, server, upstream):
    form = question("total")
    (radio,) = find(form, ipw.RadioButtons)
    assert radio.value is None
    radio.value = "a ferry"
    shown = check("total")
    find(shown, ipw.Button)[0].click()
    await until(lambda: upstream.frames)
    assert [cell.source for cell in upstream.frames[0].cells if cell.grade_id == "total"] == ['way = "a ferry"']
    await until(lambda: not find(shown, ipw.Button)[0].disabled)
    assert find(question("total"), ipw.RadioButtons)[0].value == "a ferry"


async def test_a_check_waits_for_the_grader_and_is_judged_once(saved, server, upstream, monkeypatch):
    monkeypatch.setattr(connection, "_PAUSE", 0.1)
    port = upstream.port
    await upstream.stop()
    waited = []
    request = Document(saved).request("fact", {})
    work = asyncio.ensure_future(judged(server, request, lambda: waited.append(True)))
    await until(lambda: waited)
    upstream.start(port)
    feedback = await work
    assert feedback.request == request.request
    assert [frame.request for frame in upstream.frames] == [request.request]


async def test_what_cannot_be_checked_is_said(saved, server, upstream):
    with pytest.raises(WidgetError, match=r"no answer cell 'test-fact'\. It has: fact, total"):
        check("test-fact")
    with pytest.raises(WidgetError, match="no form"):
        question("fact")
    with pytest.raises(WidgetError, match="403"):
        await judged(Server(server.url, "forged"), Document(saved).request("fact", {}))
    saved.write_text("{}")
    with pytest.raises(WidgetError, match="save the notebook first"):
        check("fact")
    (saved.parent / "other.ipynb").write_text("{}")
    with pytest.raises(WidgetError, match="Name it"):
        check("fact")


def test_the_hub_s_token_is_used_where_there_is_one(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
    monkeypatch.setattr(
        connection, "list_running_servers", lambda: [{"url": "http://h/user/ada/", "pid": 1, "token": ""}]
    )
    request = Server.own().live()
    assert request.url == "ws://h/user/ada/nbcoach/api/live"
    assert request.headers["Authorization"] == f"token {TOKEN}"
    monkeypatch.setattr(connection, "list_running_servers", lambda: [])
    with pytest.raises(WidgetError, match="cannot be found"):
        Server.own()


@pytest.mark.parametrize("kind", FORMS)
def test_every_kind_of_form_tells_its_answer(kind):
    answers = []
    form = FORMS[kind]
    view = form_view(form, f"{form['variable']} = None", answers.append)
    assert "&lt;b&gt;" in find(view, ipw.HTML)[0].value or kind == "number"
    if kind == "choice":
        find(view, ipw.RadioButtons)[0].value = "a bus"
        expected = ["a bus"]
    elif kind == "several":
        first, second = find(view, ipw.Checkbox)
        second.value = True
        first.value = True
        second.value = False
        first.value = False
        expected = [["a ferry"], ["a bus", "a ferry"], ["a bus"], None]
    elif kind == "order":
        down = next(b for b in find(view, ipw.Button) if b.description == "↓" and not b.disabled)
        down.click()
        expected = [["a ferry", "a bus"]]
    else:
        (field,) = find(view, ipw.Text)
        for text in ("12", "x", "-1", "1,5", "nan", "1e400"):
            field.value = text
        expected = [12, 1.5]
    assert answers == expected


def test_running_an_answer_cell_shows_form_and_check_and_writes_the_answer(saved, monkeypatch):
    shell = InteractiveShell()
    shell.kernel = SimpleNamespace()
    written, shown = [], []
    monkeypatch.setattr(shell, "set_next_input", lambda text, replace: written.append((text, replace)))
    monkeypatch.setattr(companion, "display", shown.append)
    monkeypatch.setattr(companion, "get_ipython", lambda: shell)
    shell.run_line_magic("load_ext", "nbcoach")
    try:
        shell.run_cell("1 + 1")
        assert shown == []
        shell.run_cell("way = None")
        form, _ = shown
        find(form, ipw.RadioButtons)[0].value = "a bus"
        assert shell.user_ns["way"] == "a bus"
        shell.run_cell("way = None")
        assert written == [('way = "a bus"', True)]
        assert shell.user_ns["way"] == "a bus"
        assert len(shown) == 4
        shell.run_cell('way = "a bus"')
        assert len(written) == 1
    finally:
        shell.run_line_magic("unload_ext", "nbcoach")
    shell.run_cell("way = None")
    assert len(shown) == 6
    assert Companion._loaded is None


def test_without_a_kernel_loading_does_nothing(saved):
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "nbcoach")
    assert Companion._loaded is None
