"""Explanations: what a common exception means for a beginner, from its name and message alone.

A learner's process claims both, so they are only looked at: nothing is evaluated, and of the message no more than
short quoted parts go into an explanation. Python's own suggestions ("Did you mean …") are used where there are any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_MESSAGE = 500
MAX_QUOTED = 60

_RULES: dict[str, Sequence[tuple[str, str]]] = {
    "SyntaxError": (
        (r"expected ':'", "A line that begins a block (if, for, while, def, class …) ends in a colon."),
        (r"'([([{])' was never closed", "The bracket {0} is opened here and never closed. Count the brackets."),
        (r"unmatched '(.)'", "There is one {0} too many, or its opening bracket is missing."),
        (
            r"closing parenthesis '(.)' does not match opening parenthesis '(.)'",
            "The bracket {1} was opened last, so it has to be closed before {0}.",
        ),
        (r"Perhaps you forgot a comma", "Two things stand side by side: probably a comma or an operator is missing."),
        (
            r"Maybe you meant '==' or ':=' instead of '='",
            "One = stores a value in a name. To compare two values, write ==.",
        ),
        (
            r"cannot assign to (literal|True|False|None|expression|function call|comparison|operator|.*expression)",
            "On the left of = there must be a name to store into. To compare, write ==.",
        ),
        (
            r"unterminated (?:triple-quoted )?f?-?string literal|EOL while scanning",
            "A text begins with a quotation mark and needs the same mark at its end, on the same line.",
        ),
        (r"Missing parentheses in call to '(\w+)'", "{0} is a function: write {0}(…), with brackets."),
        (
            r"'(return|yield|await)' outside (?:async )?function",
            "{0} works only inside a function: look at the indentation.",
        ),
        (
            r"'(break|continue)' (?:outside|not properly in) loop",
            "{0} works only inside a loop: look at the indentation.",
        ),
        (
            r"invalid character '(.)'",
            "The character {0} is not part of Python. It often comes from text copied out of a document: type it anew.",
        ),
        (
            r"invalid non-printable character",
            "There is an invisible character here, often from copied text. Type the line anew.",
        ),
        (r"leading zeros in decimal integer", 'A number cannot begin with 0. Write 7 instead of 07, or "07" as text.'),
        (
            r"invalid (?:decimal|hexadecimal|octal|binary) literal",
            "A name cannot begin with a digit, nor a number hold letters.",
        ),
        (
            r"positional argument follows keyword argument",
            "In a call, plain values come first and those with a name, such as key=value, after them.",
        ),
        (
            r"non-default argument follows|parameter without a default follows",
            "Parameters with a default value come after those without one.",
        ),
        (r"f-string: ", "Inside the braces of an f-string stands Python code, and here it is not complete."),
        (
            r"unexpected character after line continuation",
            "After a backslash the line must end. For a division write /.",
        ),
        (r"unexpected EOF|was never closed", "The code ends too early: something that was opened is not closed."),
        (r"expected 'except' or 'finally' block", "try needs an except (or finally) with the same indentation."),
        (
            r"invalid syntax",
            "Python cannot read this line. Look at brackets, quotes and commas, also in the line before.",
        ),
        (r"", "Python cannot read this line as code. Look at it closely, and at the line before it."),
    ),
    "IndentationError": (
        (
            r"expected an indented block after (.+?) on line (\d+)",
            "After the {0} in line {1}, the next lines must be indented.",
        ),
        (r"expected an indented block", "After a line that ends in a colon, the next lines must be indented."),
        (
            r"unexpected indent",
            "This line is indented more than the one before it, without a reason such as if or for.",
        ),
        (r"unindent does not match", "This line is indented by another number of spaces than the lines it belongs to."),
        (r"", "Lines of one block must be indented by the same number of spaces."),
    ),
    "TabError": ((r"", "Tabs and spaces are mixed. Use four spaces for each step of indentation."),),
    "NameError": (
        (r"name '(\w+)' is not defined.*Did you mean: '(\w+)'", "There is no {0}. Did you mean {1}?"),
        (r"name '(\w+)' is not defined.*forget to import", "{0} has to be imported first."),
        (
            r"cannot access free variable '(\w+)'",
            "The function uses {0} before it has got a value.",
        ),
        (
            r"name '(\w+)' is not defined",
            "There is no {0} yet. Look at its spelling, upper and lower case count, and whether the line or cell that "
            "makes it comes before. If it is meant as text, it needs quotation marks.",
        ),
    ),
    "UnboundLocalError": (
        (
            r"variable '(\w+)'",
            "The function assigns to {0} somewhere, so {0} is its own, and here it has no value yet. Give it one "
            "first, or pass it in as a parameter.",
        ),
    ),
    "TypeError": (
        (
            r"'NoneType' object is not (iterable|subscriptable|callable)|unsupported operand.*'NoneType'|"
            r"'[<>]=?' not supported.*'NoneType'|object of type 'NoneType'|not 'NoneType'|not NoneType",
            "There is a None where a value was expected. Often a function has no return, or a method such as "
            "list.sort() changes its list and gives None back.",
        ),
        (
            r"^(.+?\(\)) missing (\d+) required (?:positional|keyword-only) arguments?: (.+)",
            "{0} was called without a value for {2}.",
        ),
        (
            r"^(.+?\(\)) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) (?:was|were) given",
            "The call gives {0} too many values: {2} instead of {1}. In a method, self counts as one.",
        ),
        (r"^(.+?\(\)) got an unexpected keyword argument '(\w+)'", "{0} has no parameter called {1}."),
        (r"^(.+?\(\)) got multiple values for argument '(\w+)'", "The call of {0} gives {1} twice."),
        (
            r"can only concatenate str \(not \"(\w+)\"\) to str|unsupported operand.*\+: '(?:int|float)' and 'str'",
            "+ cannot join text and a number. Turn the number into text with str(…), or use an f-string.",
        ),
        (r"can only concatenate list", "+ joins two lists. To add a single item, use append."),
        (
            r"'(\w+)' object is not callable",
            "A value of type {0} stands before round brackets as if it were a function. Perhaps a name was used "
            "twice, an operator is missing, or the brackets should be square.",
        ),
        (r"'(\w+)' object is not subscriptable", "Square brackets do not work on a value of type {0}."),
        (
            r"'(\w+)' object is not iterable",
            "A value of type {0} cannot be gone through item by item. For numbers use range(…).",
        ),
        (
            r"'(\w+)' object does not support item assignment",
            "A value of type {0} cannot be changed in place: make a new one.",
        ),
        (
            r"(?:list|tuple|string) indices must be integers(?: or slices)?, not '?(\w+)'?",
            "The place in square brackets must be a whole number, not of type {0}.",
        ),
        (
            r"'(\w+)' object cannot be interpreted as an integer",
            "A whole number is needed here, not a value of type {0}. For a division use //.",
        ),
        (
            r"unhashable type: '(\w+)'",
            "What can change, such as a {0}, cannot be a key or an item of a set. A tuple can.",
        ),
        (r"object of type '(\w+)' has no len", "A value of type {0} has no length."),
        (
            r"unsupported operand type\(s\) for (.+?): '(\w+)' and '(\w+)'",
            "{0} does not work between the types {1} and {2}.",
        ),
        (
            r"'([<>]=?)' not supported between instances of '(\w+)' and '(\w+)'",
            "{0} cannot compare values of the types {1} and {2}.",
        ),
        (
            r"cannot unpack non-iterable (\w+) object",
            "Several names stand on the left of =, but on the right is a single value of type {0}.",
        ),
        (r"sequence item \d+: expected str", "join works on texts only: turn each item into text with str(…) first."),
        (r"missing .* required .*argument", "The call leaves out a value that the function needs."),
    ),
    "IndexError": (
        (
            r"(list|string|tuple|deque).*index out of range|index (-?\d+) is out of bounds",
            "There is no item at this place. The first one has index 0, the last one the "
            "length minus 1; an empty one has none.",
        ),
        (r"pop from empty", "There is nothing left to take out: it is empty."),
        (r"", "There is no item at this place."),
    ),
    "KeyError": (
        (
            r"^(.+)$",
            "There is no key {0}. Look at its spelling and type (1 and '1' are two keys), or ask with "
            "`in` or .get(…) first.",
        ),
    ),
    "AttributeError": (
        (
            r"'NoneType' object has no attribute '(\w+)'",
            "There is a None before .{0}. Often a function has no return, or a method such as list.sort() gives "
            "None back.",
        ),
        (r"has no attribute '(\w+)'.*Did you mean: '(\w+)'", "There is no .{0} here. Did you mean .{1}?"),
        (
            r"module '(\w+)' has no attribute '(\w+)'",
            "The module {0} has no {1}. A file or name of yours called {0} would hide it.",
        ),
        (
            r"'(\w+)' object has no attribute '(\w+)'",
            "A value of type {0} has no .{1}. Look at the spelling, and at what the value really is.",
        ),
    ),
    "ValueError": (
        (
            r"invalid literal for int\(\) with base \d+: (.+)$",
            "int(…) needs text that is a whole number, and got {0}. For numbers with a point use float(…).",
        ),
        (r"could not convert string to float: (.+)$", "float(…) needs text that is a number, and got {0}."),
        (
            r"not enough values to unpack \(expected (?:at least )?(\d+), got (\d+)\)",
            "There are {0} names on the left of =, but only {1} values.",
        ),
        (r"too many values to unpack \(expected (\d+)", "There are more values than the {0} names on the left of =."),
        (
            r"list\.remove\(x\)|is not in list|not in list|substring not found",
            "What is looked for is not in there. Ask with `in` first.",
        ),
        (
            r"math domain error|^expected a (?:non-?negative|positive) input|^expected a number in range from",
            "The function has no result for this number, such as the root of a negative one.",
        ),
        (
            r"truth value of (?:an array|a Series|a DataFrame)",
            "A whole array is neither true nor false. Use .all() or .any(); join conditions with & and |.",
        ),
        (r"operands could not be broadcast", "The arrays have shapes that do not fit together. Look at their .shape."),
        (
            r"(?:max|min)\(\).*(?:empty|iterable argument is empty)",
            "Nothing has no largest or smallest item. Handle the empty case first.",
        ),
    ),
    "ZeroDivisionError": ((r"", "Something is divided by 0. Which value can be 0 here, and what should happen then?"),),
    "RecursionError": (
        (
            r"",
            "The function calls itself without end. It needs a case that returns without a call, and each "
            "call must come nearer to it.",
        ),
    ),
    "ModuleNotFoundError": (
        (
            r"No module named '([\w.]+)'",
            "There is no module {0} here. Look at its spelling; only what the course provides can be imported.",
        ),
    ),
    "ImportError": (
        (
            r"cannot import name '(\w+)' from '([\w.]+)'",
            "The module {1} has no {0}. Look at the spelling, upper and lower case count.",
        ),
    ),
    "FileNotFoundError": (
        (
            r"No such file or directory: (.+)$",
            "There is no file {0}. Look at its spelling; it must lie in the notebook's folder or "
            "its whole path be given.",
        ),
    ),
    "IsADirectoryError": ((r"", "This is a folder, not a file."),),
    "PermissionError": ((r"", "This file or folder is out of reach here."),),
    "UnicodeDecodeError": (
        (r"", 'The file is not in the expected encoding. Try open(…, encoding="utf-8") or "latin-1".'),
    ),
    "StopIteration": ((r"", "next(…) was asked for an item when none was left."),),
    "MemoryError": ((r"", "The code asked for more memory than there is. Does a list grow without end?"),),
    "TooManyProcesses": ((r"", "Processes or threads are started faster than they end. Does a loop start them?"),),
    "TooMuchWritten": ((r"", "The code writes more than there is room for. Does a loop write without end?"),),
    "OverflowError": ((r"", "The number became too large."),),
    "NotImplementedError": ((r"", "This part is still to be written."),),
    "AssertionError": ((r"", "An assert in the code did not hold."),),
    "EOFError": (
        (r"", "input() found nothing to read: nobody types here. Use the parameters of the function instead."),
    ),
    "KeyboardInterrupt": ((r"", "The code was interrupted."),),
    "OutOfTime": ((r"", "The code did not come to its end in time. Does a loop run for ever?"),),
    "SystemExit": ((r"", "exit() ends the program. In a notebook, use return, or let the cell end."),),
}
_COMPILED = {name: tuple((re.compile(pattern), words) for pattern, words in rules) for name, rules in _RULES.items()}


def explanation(name: str, message: str) -> str | None:
    """Explain an exception, or return None where there is nothing to add.

    Args:
        name: of its class.
        message: what it says.

    """
    message = message.strip()[:MAX_MESSAGE]
    for pattern, words in _COMPILED.get(name, ()):
        found = pattern.search(message)
        if found:
            return words.format(*(_quoted(part or "") for part in found.groups()))
    return None


def _quoted(text: str) -> str:
    """Cut what is taken over from a message."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1]}…"
