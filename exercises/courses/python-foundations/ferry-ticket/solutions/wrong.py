#@ expect: family-price-tests failed 0
#@ expect: birthday-price-tests passed 1
#@ expect: branches-tests failed 0
#@ expect: ticket-price-tests failed 3
# %% family-price
family_price = 14
# %% birthday-price
birthday_price = "5"
# %% branches
branches = ["elif age < 16: it costs 5", "else: it costs 9", "if age < 4: it is free"]
# %% ticket-price
def ticket_price(age, bicycle=False):
    """Puts the birthdays themselves into the wrong group."""
    if age <= 4:
        price = 0
    elif age <= 16:
        price = 5
    else:
        price = 9
    return price + 3 * bicycle
