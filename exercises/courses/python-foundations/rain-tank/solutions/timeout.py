#@ expect: litres-tests passed 5
#@ expect: total-tests timeout 1
# %% litres
def litres(text):
    number, unit = text.split()
    if unit != "l" or float(number) < 0:
        raise ValueError(text)
    return float(number)
# %% total
def total(lines):
    """Tries a bad line again and again."""
    amount = 0.0
    for line in lines:
        while True:
            try:
                amount += litres(line)
                break
            except ValueError:
                continue
    return amount, []
