#@ expect: label-tests passed 4
#@ expect: code-tests timeout 0
# %% label
def label(name, town):
    first, last = name.split()
    return f"{last.upper()}, {first.capitalize()} ({town.strip().title()})"
# %% code
def is_parcel_code(text):
    position = 0
    while position < len(text):
        if text[position].isalpha():
            pass
    return True
