#@ expect: label-tests passed 4
#@ expect: code-tests passed 3
# %% label
def label(name, town):
    """Return the text of a parcel label."""
    words = name.lower().split()
    place = " ".join(word.capitalize() for word in town.split())
    return words[1].upper() + ", " + words[0].capitalize() + " (" + place + ")"
# %% code
import re


def is_parcel_code(text):
    """Return True when the text is two letters, a dash and four digits."""
    return re.fullmatch("[A-Za-z]{2}-[0-9]{4}", text) is not None
