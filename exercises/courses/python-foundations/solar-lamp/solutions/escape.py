#@ expect: days-tests failed 0
# %% days
# A fork bomb (bounded, in case it is run elsewhere): the children outlive the call if nobody stops them.
import os
import time


def days_until_charged(target, gain, loss):
    for _ in range(5):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            time.sleep(20)
            os._exit(0)
    return -1
