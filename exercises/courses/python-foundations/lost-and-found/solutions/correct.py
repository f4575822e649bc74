#@ expect: read-tests passed 5
#@ expect: add-tests passed 4
# %% read
from pathlib import Path


def read_log(path):
    """Return the entries of a log as tuples (day, thing, place)."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(";")) for line in lines if line and line[0] != "#"]
# %% add
def add_entry(path, day, thing, place):
    """Add one entry to the end of a log."""
    with open(path, mode="a", encoding="utf-8") as file:
        print(day, thing, place, sep=";", file=file)
