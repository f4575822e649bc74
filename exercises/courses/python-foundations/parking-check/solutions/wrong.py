#@ expect: check-tests failed 5
# %% check
def check_fee(fee):
    """Never looks at the limits of the free time, nor at impossible stays."""
    assert fee(10) == 0
    assert fee(45) == 2
    assert fee(61) == 4
    assert fee(1000) == 12
