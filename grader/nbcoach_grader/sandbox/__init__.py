"""Sandboxes: where a learner's code runs, and what it can reach from there.

Empty on purpose: the fork server imports `inside` alone, and must stay small.
"""
