#@ expect: litres-tests failed 4
#@ expect: total-tests failed 2
# %% litres
def litres(text):
    """Forgets that an amount can be negative."""
    words = text.split()
    if len(words) != 2 or words[1] != "l":
        raise ValueError(text)
    return float(words[0])
# %% total
def total(lines):
    """Gives up at the first bad line."""
    amount = 0.0
    refused = []
    try:
        for line in lines:
            amount += litres(line)
    except ValueError:
        refused.append(line)
    return amount, refused
