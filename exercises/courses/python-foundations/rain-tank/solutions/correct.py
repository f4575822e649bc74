#@ expect: litres-tests passed 5
#@ expect: total-tests passed 4
# %% litres
def litres(text):
    """Return the amount as a number; raise ValueError if the text is no amount."""
    number, unit = text.split()
    amount = float(number)
    if unit == "l" and amount >= 0:
        return amount
    raise ValueError("write a number, a space and the letter l")
# %% total
def total(lines):
    """Return the sum of the readable amounts, and the lines that were refused."""
    good, bad = [], []
    for line in lines:
        try:
            good.append(litres(line))
        except ValueError:
            bad.append(line)
    return sum(good), bad
