#@ expect: ticket-price-tests failed 3
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
