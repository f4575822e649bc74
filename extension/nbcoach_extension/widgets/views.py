"""What is shown: forms of questions and the outcome of checks, as ipywidgets. Everything is text, nothing markup."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as ipw

from nbcoach_exercises.forms import Value, value_of
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CheckResult, Feedback

_WORDS = {
    Verdict.PASSED: "✓ Passed",
    Verdict.NOT_ATTEMPTED: "○ Not attempted",
    Verdict.FAILED: "✗ Not yet",
    Verdict.ERROR: "✗ Error",
    Verdict.TIMEOUT: "✗ Out of time",
    Verdict.MEMORY: "✗ Out of memory",
    Verdict.CRASHED: "✗ Crashed",
    Verdict.GRADER_FAILED: "! Could not be checked",
}
_WIDE = {"width": "max-content"}


def form_view(form: dict[str, Any], source: str, answered: Callable[[Value], None]) -> ipw.Widget:
    """Return the form of a question.

    Args:
        form: its definition.
        source: the cell's present source, whose answer is shown.
        answered: called with each answer.

    """
    prompt = ipw.HTML(f"<b>{escape(form['prompt'])}</b>")
    build = {"number": _number, "order": _order}.get(form["kind"], _choices if form.get("multiple") else _choice)
    return ipw.VBox([prompt, build(form, value_of(form, source), answered)])


def outcome(feedback: Feedback) -> str:
    """Return feedback as HTML in which all that came from elsewhere is escaped."""
    head = f"<b>{_WORDS[feedback.verdict]}</b> · {feedback.points:g} of {feedback.max_points:g} points"
    lines = [head, *(_check_line(check) for check in feedback.checks)]
    if feedback.error is not None:
        place = f", line {feedback.error.line}" if feedback.error.line else ""
        lines.append(f"{escape(feedback.error.name)}: {escape(feedback.error.message)}{place}")
        if feedback.error.explanation:
            lines.append(escape(feedback.error.explanation))
    lines += [escape(repair) for repair in feedback.repairs]
    return "<br>".join(lines)


def _check_line(check: CheckResult) -> str:
    line = f"{_WORDS[check.verdict]}: {escape(check.name)}"
    return f"{line}<br><code>{escape(check.message)}</code>" if check.message else line


def _choice(form: dict[str, Any], value: Value, answered: Callable[[Value], None]) -> ipw.Widget:
    radio = ipw.RadioButtons(options=form["options"], value=value, layout=_WIDE)
    radio.observe(lambda change: answered(change["new"]), "value")
    return radio


def _choices(form: dict[str, Any], value: Value, answered: Callable[[Value], None]) -> ipw.Widget:
    chosen = value if isinstance(value, list) else []
    boxes = [
        ipw.Checkbox(description=option, value=option in chosen, indent=False, layout=_WIDE)
        for option in form["options"]
    ]

    def tell(_: Any) -> None:
        answered([box.description for box in boxes if box.value] or None)

    for box in boxes:
        box.observe(tell, "value")
    return ipw.VBox(boxes)


def _number(form: dict[str, Any], value: Value, answered: Callable[[Value], None]) -> ipw.Widget:
    field = ipw.Text(value="" if value is None else f"{value}", layout={"width": "10em"})
    problem = ipw.Label()

    def tell(change: Any) -> None:
        text = change["new"].strip().replace(",", ".")
        try:
            number = float(text)
        except ValueError:
            problem.value = "This is no number." if text else ""
            return
        low, high = form.get("minimum", float("-inf")), form.get("maximum", float("inf"))
        if not low <= number <= high or abs(number) == float("inf") or number != number:
            problem.value = "This number is out of range."
            return
        problem.value = ""
        answered(int(number) if number.is_integer() and "e" not in text.lower() and "." not in text else number)

    field.observe(tell, "value")
    return ipw.HBox([field, ipw.Label(form.get("unit", "")), problem])


def _order(form: dict[str, Any], value: Value, answered: Callable[[Value], None]) -> ipw.Widget:
    order = list(value) if isinstance(value, list) else list(form["options"])
    rows = ipw.VBox()

    def move(place: int, step: int) -> None:
        order.insert(place + step, order.pop(place))
        show()
        answered(list(order))

    def button(place: int, step: int) -> ipw.Button:
        made = ipw.Button(
            description="↑" if step < 0 else "↓",
            tooltip=f"Move {'up' if step < 0 else 'down'}: {order[place]}",
            disabled=not 0 <= place + step < len(order),
            layout={"width": "3em"},
        )
        made.on_click(lambda _: move(place, step))
        return made

    def show() -> None:
        rows.children = tuple(
            ipw.HBox([button(n, -1), button(n, 1), ipw.Label(f"{n + 1}. {option}")]) for n, option in enumerate(order)
        )

    show()
    confirm = ipw.Button(description="This is the order", layout=_WIDE)
    confirm.on_click(lambda _: answered(list(order)))
    return ipw.VBox([rows, confirm])
