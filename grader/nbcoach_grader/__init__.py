"""The grader: runs notebooks in sandboxes, judges cells without ever running learner code in the judge, explains."""
