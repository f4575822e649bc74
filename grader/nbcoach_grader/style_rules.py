"""The rules of style that learners are told of, with kind words for each; the most useful ones first."""

from __future__ import annotations

RULES: dict[str, tuple[str, str]] = {
    "F632": (
        "Two values are compared with `is`.",
        "`is` asks whether two things are one and the same object, which is luck for numbers and texts. "
        "Compare with `==`.",
    ),
    "B006": (
        "A default value is a list, dictionary or set.",
        "It is made once and shared by all calls, so items of one call show up in the next. Use `None` as default and "
        "make a new one inside the function.",
    ),
    "E722": (
        "`except:` catches everything.",
        "It also hides typing errors and stops you from interrupting the code. Name the exception, such as "
        "`except ValueError:`.",
    ),
    "B023": (
        "A function made in a loop uses the loop's variable `{name}`.",
        "It sees the value that the variable has when it is called: the last one. Pass it as a default value, `x=x`.",
    ),
    "B008": (
        "A default value is the result of a call.",
        "The call happens once, when the function is defined, not each time it is used. Use `None` and call it inside.",
    ),
    "B015": (
        "A comparison stands alone and does nothing.",
        "Its result is thrown away. Did you mean `=` to store a value, or is an `if`, `return` or `assert` missing?",
    ),
    "B018": (
        "This line computes a value and throws it away.",
        "Store it under a name, return it, or remove the line.",
    ),
    "F811": (
        "`{name}` is defined a second time before the first one is used.",
        "Only the second definition counts. Remove one of them or give it another name.",
    ),
    "F841": (
        "`{name}` gets a value that is never used.",
        "Remove the line, or use the name: often another one was typed further down.",
    ),
    "F541": (
        "An f-string without any {…} in it.",
        "The f has no effect. Remove it, or put the value in braces.",
    ),
    "F601": (
        "A dictionary has the same key twice.",
        "Only the last value is kept. Is one of the keys a slip?",
    ),
    "W605": (
        "A backslash in a text stands before a letter that has no meaning there.",
        'Put an r before the quotation mark, r"…", as is usual for patterns and paths, or double the backslash.',
    ),
    "E711": (
        "None is compared with == or !=.",
        "There is only one None: write `is None` or `is not None`. It reads better and no object can pretend.",
    ),
    "E712": (
        "A value is compared with True or False.",
        "A condition is true or false already: write `if ready:` or `if not ready:`.",
    ),
    "E713": (
        "`not x in y` reads backwards.",
        "Write `x not in y`.",
    ),
    "E714": (
        "`not x is y` reads backwards.",
        "Write `x is not y`.",
    ),
    "E721": (
        "Types are compared with ==.",
        "Ask `isinstance(value, int)`; it accepts subclasses too.",
    ),
    "E741": (
        "The name `{name}` looks like a digit.",
        "l, O and I are easily taken for 1 and 0. A longer name tells more.",
    ),
    "A001": (
        "`{name}` is the name of a builtin of Python.",
        "After this line the builtin cannot be used under its name any more. Choose another name, such as "
        "`total` or `items`.",
    ),
    "A002": (
        "The parameter `{name}` has the name of a builtin of Python.",
        "Inside the function the builtin is hidden. Choose another name.",
    ),
    "PLW0603": (
        "A function changes a global variable.",
        "Who reads the call cannot see it. Return the new value and assign it outside.",
    ),
    "PLW2901": (
        "The loop's variable `{name}` is assigned to inside the loop.",
        "The next turn overwrites it, which surprises readers. Use another name for the new value.",
    ),
    "SIM103": (
        "A condition is turned into True and False by hand.",
        "It is true or false already: `return condition`.",
    ),
    "SIM118": (
        "`in d.keys()` says more than is needed.",
        "`in d` looks at the keys of a dictionary.",
    ),
    "SIM102": (
        "Two `if` inside each other.",
        "Where nothing else happens in between, join them: `if a and b:`.",
    ),
    "RET505": (
        "`else` after a `return`.",
        "After a return nothing goes on, so the else is not needed and its lines can move to the left.",
    ),
    "PLR1714": (
        "One value is compared with several, one after the other.",
        'Ask once: `x in ("a", "b")`.',
    ),
    "PLR5501": (
        "An `if` alone inside of an `else`.",
        "`elif` says it in one line and saves a step of indentation.",
    ),
    "SIM108": (
        "Four lines choose between two values.",
        "One line can do it: `x = a if condition else b`.",
    ),
    "SIM110": (
        "A loop only looks whether some item fits.",
        "`any(… for …)` and `all(… for …)` say just that.",
    ),
    "B007": (
        "The loop's variable `{name}` is not used.",
        "Call it `_`, so that readers need not look for it.",
    ),
    "SIM113": (
        "A counter is kept by hand in a loop.",
        "`for number, item in enumerate(items):` counts for you.",
    ),
    "C400": ("A generator is turned into a list.", "Square brackets do it at once: `[… for …]`."),
    "C401": ("A generator is turned into a set.", "Braces do it at once: `{… for …}`."),
    "C403": ("A list is made only to become a set.", "Braces do it at once: `{… for …}`."),
    "C404": ("A list of pairs is made only to become a dictionary.", "Write `{key: value for …}`."),
    "C408": ("An empty container is made by a call.", "`[]`, `{}` and `()` are shorter and usual."),
    "C416": ("A comprehension copies items one by one.", "`list(items)` says so."),
    "C419": (
        "A list is made inside of any(…) or all(…).",
        "Without the square brackets it stops at the first item that decides.",
    ),
    "UP031": ("A text is put together with %.", 'An f-string is easier to read: f"{name} is {age}".'),
    "UP032": ("A text is put together with .format.", 'An f-string is easier to read: f"{name} is {age}".'),
    "F401": (
        "`{name}` is imported and not used.",
        "Remove the import, so that readers do not look for its use.",
    ),
    "N802": (
        "The function name `{name}` has capital letters.",
        "Functions are written small, with underscores: `read_file`.",
    ),
    "N806": (
        "The variable `{name}` in a function has capital letters.",
        "Variables are written small, with underscores.",
    ),
    "N801": ("The class name `{name}` does not look like one.", "Classes begin with a capital letter: `WaterJar`."),
    "E701": ("Two statements stand on one line.", "After a colon, put what follows on a line of its own."),
    "E702": ("Two statements stand on one line.", "Give each statement a line of its own instead of a semicolon."),
    "E703": ("A semicolon at the end of a line.", "Python does not need it."),
}
