"""Commands of the grader for `nbcoach`."""
