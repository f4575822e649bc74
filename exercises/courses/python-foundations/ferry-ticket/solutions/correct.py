#@ expect: family-price-tests passed 1
#@ expect: birthday-price-tests passed 1
#@ expect: branches-tests passed 1
#@ expect: ticket-price-tests passed 5
# %% family-price
family_price = 17.0
# %% birthday-price
birthday_price = str(5)
# %% branches
branches = ["if age < 4: it is free", "elif age < 16: it costs 5"]
branches.append("else: it costs 9")
# %% ticket-price
def ticket_price(age, bicycle=False):
    """Return the price of a ferry ticket."""
    extra = 3 if bicycle else 0
    if age >= 16:
        return 9 + extra
    if age >= 4:
        return 5 + extra
    return extra
