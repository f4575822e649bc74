#@ expect: restock-tests failed 4
#@ expect: low-tests failed 1
# %% restock
def restock(shelf, delivery):
    """Adds up the right amounts, but on the caller's own shelf."""
    stock = shelf
    for spice, grams in delivery.items():
        stock[spice] = stock.get(spice, 0) + grams
    return stock
# %% low
def running_low(shelf, limit):
    """Sorts by name alone."""
    return sorted(spice for spice, grams in shelf.items() if grams < limit)
