"""The judge: runs test cells and decides, in a process that never executes a line of the learner's.

Theory of operation. A judge process is forked from the zygote, runs the author's locked
cells, and stays as a snapshot. For each question it is forked once more; that fork gets one
end of a line to a served subject (`peer`), runs the checks one by one and reports verdicts
on its own control socket, which the subject never sees. A check passes only if its code ran
to the end and the line is whole: what is missing, late or malformed is never a pass.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import random
import signal
import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nbcoach_exercises.verdicts import Verdict

from .assertion import MODULE_NAME, NOTING_NAME, TYPE_NAME, Rewriter, Seen, type_of
from .class_checks import class_checks
from .judge_peer import JudgePeer, TestTooSlow
from .learner_files import file_reads
from .names import class_methods, plain_python
from .namespace import Locals, Namespace, import_own, stateful_imports
from .peer import LATE, BoundedText, LineBroken
from .plan import trace_lines
from .proxy import is_proxy, is_type_proxy, oid_of, peer_of, type_name_of
from .rulings import ruling, score_of
from .steadiness import data, leaves_nothing, small, steady

FILE = "<checks>"
_MOST_KB = 2**40
_NOTHING: tuple[Verdict, str | None, float | None] = (Verdict.PASSED, None, None)
"""What it comes to to run nothing."""
_INHERITED = object()
"""Stands for what a class does not define itself, such as `Path.exists` in Python 3.13."""


@dataclass(frozen=True)
class Author:
    """What the judge knows of an exercise before it meets a learner; made once, in the process that is forked.

    `data` names those of his `own` names that checks could change in place: each stop gets copies of them, unless
    they are `large`. `traceless` says that running the checks changes nothing else in the process but their own names.
    """

    own: dict[str, Any]
    data: tuple[str, ...]
    large: bool
    methods: frozenset[str]
    stateful: dict[str, str]
    traceless: bool


def study(names: dict[str, Any], sources: Sequence[str], checks: Sequence[str]) -> Author:
    """Carry out the author's imports and compile the checks.

    Args:
        names: globals that the author's locked cells left.
        sources: the author's cells.
        checks: the code of the checks, to be compiled ahead.

    """
    own = dict(names)
    for source in sources:
        import_own(source, own)
    codes = []
    for check in checks:
        with contextlib.suppress(SyntaxError):
            codes += [code for code in _compiled(check) if code is not None]
    methods = frozenset[str]().union(*map(class_methods, sources))
    stateful = {name: module for s in sources for name, module in stateful_imports(s).items()}
    changing = data(own)
    large = not all(small(own[name]) for name in changing)
    steady_names = steady(own, ("get_ipython", *changing))
    traceless = not (stateful or large) and steady_names and all(leaves_nothing(code, own) for code in codes)
    return Author(own, changing, large, methods, stateful, traceless)


class Judge:
    """Judge test cells against one served subject.

    Args:
        peer: the line to the subject.
        author: what is known of the exercise.
        answers: names that the reference solution binds.

    """

    def __init__(self, peer: JudgePeer, author: Author, answers: Sequence[str]) -> None:
        self._peer = peer
        self._peer.own_methods = author.methods
        self._peer.own_things = {name: value for name, value in author.own.items() if _is_made(name, value, answers)}
        self._seconds = self._end = 0.0
        self._large = author.large
        self._namespace = Namespace(
            author.own
            | {"__builtins__": builtins, "__name__": "__main__", NOTING_NAME: Seen, TYPE_NAME: type_of}
            | {MODULE_NAME: lambda module: self._peer.request("module", module)}
            | {"display": lambda *values, **options: None},
            answers,
            self._peer,
            () if author.large else author.data,
        )
        self._stateful = author.stateful

    def allow(self, seconds: float, total: float) -> None:
        """Set the time for one check, and for all of those to come."""
        self._seconds = seconds
        self._end = time.monotonic() + total

    def leave(self) -> None:
        """Close the line to the subject; idempotent."""
        self._peer.sock.close()

    def unchanged(self) -> bool:
        """Tell whether the tests that were run have changed nothing that other tests beside the subject could see."""
        return not (self._large or self._peer.left_traces or self._peer.broken)

    def steady(self) -> bool:
        """Tell whether the subject says that what was called there has left nothing behind either."""
        return self._asked("steady", False) is True

    def run(self, cells: Sequence[dict[str, Any]], *, costs: bool = True) -> list[dict[str, Any]]:
        """Run test cells in order.

        Args:
            cells: `{"id", "preamble", "checks": [{"id", "source", "hidden"}]}` each; `allowed`, if it is
                there and not None, lists the only attributes that learner objects may be asked for; the first ones may
                have `passing`, names that they make for each other alone.
            costs: whether to ask for `peak_kb`, which is 0 otherwise.

        Returns:
            One `{"id", "score", "attributes", "peak_kb", "checks": [{"id", "verdict", "message", "seconds"}]}` a cell;
            `score` is the value of a last expression that is a number, else None, and `attributes` lists
            what learner objects were asked for; `peak_kb` is the subject's claim.

        """
        with _mirrored(self._peer):
            earlier = [cell for cell in cells if "passing" in cell]
            with self._namespace.sheltered(name for cell in earlier for name in cell["passing"]):
                done = [self._cell(cell, costs) for cell in earlier]
            return done + [self._cell(cell, costs) for cell in cells[len(earlier) :]]

    def _cell(self, cell: dict[str, Any], costs: bool) -> dict[str, Any]:
        results: list[dict[str, Any]] = []
        score: float | None = None
        allowed = cell.get("allowed")
        self._peer.allowed = None if allowed is None else frozenset(allowed)
        self._peer.attributes_asked = set()
        before = self._execute(cell["preamble"]) if cell["preamble"].strip() else _NOTHING
        for check in cell["checks"]:
            start = time.monotonic()
            score = None
            verdict, message, _ = before
            if verdict is Verdict.PASSED:
                verdict, message, score = self._execute(check["source"], tell=not check["hidden"])
            shown = None if check["hidden"] else message
            results.append(
                {
                    "id": check["id"],
                    "verdict": str(verdict),
                    "message": shown,
                    "seconds": time.monotonic() - start,
                }
            )
        asked = sorted(self._peer.attributes_asked)
        found = {"id": cell["id"], "score": score, "attributes": asked, "checks": results}
        used = self._asked("usage", 0) if costs else 0
        return found | {"peak_kb": used if type(used) is int and 0 <= used < _MOST_KB else 0}

    def _execute(self, source: str, *, tell: bool = False) -> tuple[Verdict, str | None, float | None]:
        """Run a part of a test cell and say what it came to, and to `tell`, where the learner's code raised."""
        if self._peer.broken:
            return (*_broken(self._peer.broken), None)
        try:
            body, last = _compiled(source)
        except SyntaxError as err:
            return Verdict.GRADER_FAILED, f"The check itself has a syntax error: {err.msg}", None
        seconds = min(self._seconds, self._end - time.monotonic())
        if seconds <= 0:
            return Verdict.TIMEOUT, LATE, None
        self._peer.deadline = time.monotonic() + seconds
        value: Any = None
        failure: BaseException | None = None
        score: float | None = None
        scope = Locals(self._namespace)
        try:
            with contextlib.redirect_stdout(BoundedText()), _alarm(seconds + 1):
                for name, module in self._stateful.items():
                    dict.__setitem__(self._namespace, name, self._peer.request("module", module))
                exec(body, self._namespace, scope)  # noqa: S102 - the author's test, in its own process
                value = eval(last, self._namespace, scope) if last else None  # noqa: S307
                score = score_of(value)
        except BaseException as err:
            failure = err
        if self._peer.broken:
            return (*_broken(self._peer.broken), None)
        if failure is None:
            return Verdict.PASSED, None, score
        verdict, message = ruling(failure)
        if tell and failure is self._peer.raised:
            message += self._place()
        return verdict, message, None

    def _place(self) -> str:
        """Ask for the learner's line that the last exception came from; the answer is a claim, and only shown."""
        lines = trace_lines(self._asked("trace", []))
        if not lines or not lines[-1].function:
            return ""
        return f"\nin {lines[-1].function}(), line {lines[-1].line}: {lines[-1].text}"

    def _asked(self, question: str, otherwise: Any) -> Any:
        """Ask the subject something that decides nothing."""
        now = time.monotonic()
        if self._peer.broken or now >= self._end:
            return otherwise
        self._peer.deadline = min(now + self._seconds, self._end)
        try:
            return self._peer.request(question)
        except BaseException:
            return otherwise


def all_passed(cells: Sequence[dict[str, Any]]) -> bool:
    """Tell whether all checks of judged cells have passed."""
    return all(check["verdict"] == Verdict.PASSED for cell in cells for check in cell["checks"])


def _is_made(name: str, value: object, answers: Sequence[str]) -> bool:
    """Tell whether a name stands for a function or class that an author's cell defined, and no answer."""
    made = isinstance(value, (types.FunctionType, type)) and value.__module__ == "__main__"
    return made and getattr(value, "__name__", "") == name and name not in answers


@lru_cache(maxsize=512)
def _compiled(source: str) -> tuple[types.CodeType, types.CodeType | None]:
    """Compile a part of a test cell into its body and, if it ends in one, its last expression."""
    tree = ast.parse(plain_python(source), FILE)
    tail = tree.body[-1] if tree.body else None
    last = tree.body.pop() if isinstance(tail, ast.Expr) else None
    rewriter = Rewriter()
    body = compile(ast.fix_missing_locations(rewriter.visit(tree)), FILE, "exec")
    if not isinstance(last, ast.Expr):
        return body, None
    expression = ast.fix_missing_locations(rewriter.visit(ast.Expression(last.value)))
    return body, compile(expression, FILE, "eval")


def _broken(broken: LineBroken) -> tuple[Verdict, str]:
    verdict = {"timeout": Verdict.TIMEOUT, "crashed": Verdict.CRASHED}.get(broken.reason, Verdict.ERROR)
    return verdict, str(broken)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Interrupt the author's own endless loop."""

    def ring(*_: object) -> None:
        raise TestTooSlow

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def _mirrored(peer: JudgePeer) -> Iterator[None]:
    """Make seeds reach the learner's side, and let inspection see through proxies."""
    seed, np_seed = random.seed, np.random.seed
    source, lines, signature = inspect.getsource, inspect.getsourcelines, inspect.signature
    is_function, is_class = inspect.isfunction, inspect.isclass

    def seed_both(*args: Any) -> None:
        seed(*args)
        peer.request("seed", "random", peer.encode(list(args)))

    def np_seed_both(*args: Any) -> None:
        np_seed(*args)
        peer.request("seed", "numpy", peer.encode(list(args)))

    def source_of(thing: Any) -> str:
        return str(peer_of(thing).request("source", oid_of(thing))) if is_proxy(thing) else source(thing)

    def lines_of(thing: Any) -> tuple[list[str], int]:
        return (source_of(thing).splitlines(True), 1) if is_proxy(thing) else lines(thing)

    def signature_of(thing: Any, **options: Any) -> inspect.Signature:
        return _signature(thing) if is_proxy(thing) else signature(thing, **options)

    replaced: dict[tuple[Any, str], Any] = {
        (random, "seed"): seed_both,
        (np.random, "seed"): np_seed_both,
        (inspect, "getsource"): source_of,
        (inspect, "getsourcelines"): lines_of,
        (inspect, "signature"): signature_of,
        (inspect, "isfunction"): lambda t: type_name_of(t) == "function" if is_proxy(t) else is_function(t),
        (inspect, "isclass"): lambda t: is_type_proxy(t) if is_proxy(t) else is_class(t),
        **class_checks(peer),
        **file_reads(peer),
    }
    kept = {place: vars(place[0]).get(place[1], _INHERITED) for place in replaced}
    for (owner, name), replacement in replaced.items():
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for (owner, name), original in kept.items():
            if original is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


def _signature(proxy: Any) -> inspect.Signature:
    """Read a learner's signature from its text, without evaluating defaults or annotations."""
    text = str(peer_of(proxy).request("signature", oid_of(proxy)))
    try:
        function = ast.parse(f"def f{text}: pass").body[0]
    except SyntaxError:
        raise ValueError("The signature cannot be shown.") from None
    if not isinstance(function, ast.FunctionDef):
        raise ValueError("The signature cannot be shown.")
    a = function.args
    kinds = inspect.Parameter
    missing: list[ast.expr | None] = [None] * (len(a.posonlyargs) + len(a.args) - len(a.defaults))
    defaults = missing + list(a.defaults)
    found = []
    for number, argument in enumerate([*a.posonlyargs, *a.args]):
        kind = kinds.POSITIONAL_ONLY if number < len(a.posonlyargs) else kinds.POSITIONAL_OR_KEYWORD
        found.append(kinds(argument.arg, kind, default=_literal(defaults[number])))
    if a.vararg:
        found.append(kinds(a.vararg.arg, kinds.VAR_POSITIONAL))
    for argument, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        found.append(kinds(argument.arg, kinds.KEYWORD_ONLY, default=_literal(default)))
    if a.kwarg:
        found.append(kinds(a.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(found)


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return inspect.Parameter.empty
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
