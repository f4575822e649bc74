#@ expect: check-tests timeout 0
# %% check
def check_fee(fee):
    minutes = 0
    while fee(minutes) <= 12:
        minutes = (minutes + 1) % 1000
