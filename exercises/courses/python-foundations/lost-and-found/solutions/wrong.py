#@ expect: read-tests passed 5
#@ expect: add-tests failed 1
# %% read
def read_log(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [tuple(line.split(";")) for line in lines if line and not line.startswith("#")]
# %% add
def add_entry(path, day, thing, place):
    """Begins a new file each time."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{day};{thing};{place}\n")
