"""Grading whole nbgrader course directories, so that nbgrader's own tools go on working on them.

    directory    where things are, by nbgrader's own configuration
    preloading   what a fork server loads before all that
masters      `source/` → what is judged by, and what learners were given
    submissions  `submitted/` → learners' work, read as foreign bytes
    outputs      what was decided → outputs of a notebook
    autograded   the notebook and files for `autograded/`
    pages        feedback pages for `feedback/`
    gradebook    scores for `gradebook.db`, through nbgrader's API
    rows         what `gradebook.db` holds of submissions, many rows at a time
    writer       all three written for one submission, in a process of their own
    autograde    the way from one end to the other

A run grades again all that it is asked for, so one that was killed is completed by the next.
"""

from __future__ import annotations
