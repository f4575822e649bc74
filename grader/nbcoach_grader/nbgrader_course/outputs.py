"""Outputs: what was run and decided, as outputs of notebook cells.

They agree with nbgrader's rule for reading a score off a test cell: an error is nothing, a value is the
score, anything else is all points. Text stands in them without escape sequences and displays as `bundles` makes
them inert, so no page that shows them runs a learner's markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import nbformat
from nbformat import NotebookNode

from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CheckResult

from ..engine.plan import CellReport
from ..feedback import MAX_OUTPUT, clean
from .bundles import bundle
from .results import GradedCell

_MARKS = {True: "✓", False: "✗"}
_STATES = {"timeout": "The cell did not finish in time.", "crashed": "The cell ended the process that it ran in."}


def cell_outputs(report: CellReport | None) -> list[NotebookNode]:
    """Return the outputs of a learner's cell."""
    if report is None:
        return []
    outputs = list(_shown(report))
    if report.state != "ok":
        name = clean(report.name) or report.state
        message = clean(report.message) or _STATES.get(report.state, "")
        place = f"line {report.line}: {clean(report.text or '').strip()}" if report.line else ""
        outputs.append(_error(name, message, [line for line in (place, f"{name}: {message}") if line]))
    return outputs


def test_outputs(cell: GradedCell) -> list[NotebookNode]:
    """Return the outputs of a test cell: its checks, and a score where it is neither all nor nothing."""
    lines = [line for check in cell.checks for line in _told(check)]
    full = cell.score is not None and cell.score >= cell.max_score
    passed = all(check.verdict is Verdict.PASSED for check in cell.checks)
    if not passed and (not cell.score or cell.max_score <= 0):
        return [_error(str(cell.verdict), "", lines or [str(cell.verdict)])]
    outputs = [_stream("\n".join(lines) + "\n")] if lines else []
    if not full:
        value = {"text/plain": repr(float(cell.score or 0.0))}
        outputs.append(_node(output_type="execute_result", execution_count=None, metadata={}, data=value))
    return outputs


test_outputs.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


def _shown(report: CellReport) -> Iterator[NotebookNode]:
    """Yield what a cell printed and displayed, in the order in which it did."""
    place, left, cut = 0, MAX_OUTPUT, report.cut
    ends = [(display.after, display) for display in sorted(report.displays, key=lambda display: display.after)]
    for end, display in [*ends, (len(report.output), None)]:
        text = clean(report.output[place:end])
        if text[:left]:
            yield _stream(text[:left])
        place, left, cut = max(place, end), max(left - len(text), 0), cut or len(text) > left
        data = bundle(display) if display is not None else {}
        if display is not None and data:
            kind = {"output_type": "execute_result", "execution_count": None} if display.result else {}
            yield _node(**{"output_type": "display_data", **kind}, metadata={}, data=data)
    if cut:
        yield _stream("\n… output truncated …\n")


def _told(check: CheckResult) -> Sequence[str]:
    """Return a check's name, verdict and, unless it is hidden, message."""
    passed = check.verdict is Verdict.PASSED
    head = f"{_MARKS[passed]} {check.name}" + ("" if passed else f" ({check.verdict})")
    said = [] if passed or check.hidden or not check.message else check.message.splitlines()[:20]
    return [head, *(f"    {line}" for line in said)]


def _error(name: str, message: str, trace: list[str]) -> NotebookNode:
    return _node(output_type="error", ename=name, evalue=message, traceback=trace)


def _stream(text: str) -> NotebookNode:
    return _node(output_type="stream", name="stdout", text=text)


def _node(**content: object) -> NotebookNode:
    node: NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    return node
