"""Checks and question forms as ipywidgets, for front ends that have no extension of ours.

    %load_ext nbcoach                     # a form and a check under each answer cell that is run

    from nbcoach_extension.widgets import check, question
    check("ticket-price")                 # a button that has the question judged
    question("birthday-price")            # the form of a question

Theory of operation. All runs in the learner's kernel, which can do what the learner's server can, and no more.
The notebook is read from its file, so it must be saved; a check goes over the same WebSocket of the server
extension that our front end uses, and is judged there as every other check. A form knows the answer before
the cell does: a kernel can replace the source of a cell only while that cell runs, so the answer is
written into it when it is run again, and a check sends it in the meantime.
"""

from __future__ import annotations

from .companion import Companion, check, question

__all__ = ["Companion", "check", "question"]
