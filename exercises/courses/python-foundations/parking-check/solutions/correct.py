#@ expect: check-tests passed 8
# %% check
def check_fee(fee):
    """Raise AssertionError if the function `fee` breaks one of the rules."""
    refused = False
    try:
        fee(-10)
    except ValueError:
        refused = True
    assert refused, "a negative stay must raise ValueError"
    assert [fee(0), fee(29), fee(30)] == [0, 0, 0]
    for hours in range(1, 7):
        assert fee(60 * hours) == 2 * hours
        assert fee(60 * hours - 20) == 2 * hours
    assert fee(61) == 4
    assert fee(361) == fee(1440) == 12
