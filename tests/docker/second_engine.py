"""A second Docker engine on this machine, as another host of a swarm: in a network namespace, with its own host name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from docker_stack import TAG, docker

SPACE, LINK = "nbcoach2", "nbcoach2h"
FIRST, SECOND, NETWORK = "10.98.0.1", "10.98.0.2", "10.98.0.0/24"
TOOLS = ("ip", "iptables", "nsenter", "unshare", "dockerd")
NODE = "nbcoach-node2"


def run(command: str, *, check: bool = True) -> None:
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"


RULES = (
    f"-t nat {{}} POSTROUTING -s {NETWORK} ! -o {LINK} -j MASQUERADE",
    f"{{}} DOCKER-USER -i {LINK} -j ACCEPT",
    f"{{}} DOCKER-USER -o {LINK} -j ACCEPT",
)


class SecondEngine:
    """An engine that has joined the first one's swarm, and has the learner's image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if os.geteuid() or not all(map(shutil.which, TOOLS)):
            pytest.skip(f"a second engine takes root and {', '.join(TOOLS)}")
        if docker("info", "-f", "{{.Swarm.LocalNodeState}}") != "inactive":
            pytest.skip("this machine's engine is in a swarm already")
        self._lay_cable()
        self._process = self._run_engine()
        docker("swarm", "init", "--advertise-addr", FIRST, "--data-path-addr", FIRST)
        token = docker("swarm", "join-token", "-q", "worker")
        docker("swarm", "join", "--advertise-addr", SECOND, "--token", token, f"{FIRST}:2377", host=self.host)
        saved = subprocess.Popen(["docker", "save", f"nbcoach/learner:{TAG}"], stdout=subprocess.PIPE)
        subprocess.run(["docker", "-H", self.host, "load", "-q"], stdin=saved.stdout, check=True, timeout=300)
        assert saved.wait(10) == 0

    def stop(self) -> None:
        docker("swarm", "leave", host=self.host, check=False)
        docker("swarm", "leave", "--force", check=False)
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
        for rule in RULES:
            run(f"iptables {rule.format('-D')}", check=False)
        run(f"ip netns del {SPACE}", check=False)
        run(f"ip link del {LINK}", check=False)
        for mount in (self.folder / "exec" / "netns").glob("*"):
            run(f"umount {mount}", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lay_cable(self) -> None:
        run(f"ip netns add {SPACE}")
        run(f"ip link add {LINK} type veth peer name eth0 netns {SPACE}")
        run(f"ip addr add {FIRST}/24 dev {LINK}")
        run(f"ip link set {LINK} up")
        run(f"ip -n {SPACE} addr add {SECOND}/24 dev eth0")
        for device in ("eth0", "lo"):
            run(f"ip -n {SPACE} link set {device} up")
        run(f"ip -n {SPACE} route add default via {FIRST}")
        for rule in RULES:
            run(f"iptables {rule.format('-A' if 'nat' in rule else '-I')}")

    def _run_engine(self) -> subprocess.Popen[bytes]:
        places = f"--data-root {self.folder}/data --exec-root {self.folder}/exec --pidfile {self.folder}/pid"
        # Not `ip netns exec`: it mounts /sys anew, and hides the control groups.
        inner = f"hostname {NODE}; exec dockerd {places} -H {self.host}"
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{SPACE}", "unshare", "--uts", "sh", "-c", inner],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 150
        while not docker("version", "-f", "{{.Server.Version}}", host=self.host, check=False):
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.3)
        return process
