"""The names that access is given by: scopes of tokens, and groups of users.

Apart from the services, so that the command line can know them without loading a web server.
"""

from __future__ import annotations

LEARN = "custom:nbcoach:learn"
"""Open, check and follow exercises of the courses one learns."""

TEACH = "custom:nbcoach:teach"
"""See and grade the work of the courses one teaches."""

ACCOUNT = "custom:nbcoach:account"
"""Read and change one's own account, export and erase one's own data; every user's, but of no learner's server."""

ADMIN = "admin:users"
"""Administer accounts; the hub's own scope."""

DATA = "custom:nbcoach:data"
"""Read all that a service keeps about a user, for his export; for the accounts service only."""

LOG = "custom:nbcoach:log"
"""Read the attempt log; for services only."""

METRICS = "read:metrics"
"""Read Prometheus metrics; the hub's own scope."""

LEARNERS = "nbgrader-"
"""Prefix of a course's group of learners, as nbgrader names it."""

INSTRUCTORS = "formgrade-"
"""Prefix of a course's group of instructors, as nbgrader names it."""
