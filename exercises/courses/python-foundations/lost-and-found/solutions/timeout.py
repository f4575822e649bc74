#@ expect: read-tests passed 5
#@ expect: add-tests timeout 0
# %% read
def read_log(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [tuple(line.split(";")) for line in lines if line and not line.startswith("#")]
# %% add
import os
import time


def add_entry(path, day, thing, place):
    while not os.path.exists("somebody-else-writes-it.txt"):
        time.sleep(0.01)
