#@ expect: label-tests failed 2
#@ expect: code-tests failed 2
# %% label
def label(name, town):
    """Forgets the spaces around the town."""
    first, last = name.split()
    return f"{last.upper()}, {first.capitalize()} ({town.title()})"
# %% code
def is_parcel_code(text):
    """Never asks for the length."""
    return text[:2].isalpha() and text[2:3] == "-" and text[3:].isdigit()
