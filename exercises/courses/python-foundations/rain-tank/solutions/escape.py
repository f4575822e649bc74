#@ expect: litres-tests error 0
#@ expect: total-tests error 0
# %% litres
def litres(text):
    """Pretends that the grader was interrupted by hand."""
    raise KeyboardInterrupt
# %% total
def total(lines):
    raise GeneratorExit
