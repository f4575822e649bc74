#@ expect: ticket-price-tests passed 5
# %% ticket-price
def ticket_price(age, bicycle=False):
    """Return the price of a ferry ticket."""
    extra = 3 if bicycle else 0
    if age >= 16:
        return 9 + extra
    if age >= 4:
        return 5 + extra
    return extra
