# SPDX-License-Identifier: GPL-2.0-or-later
"""A network without a way out, a DNS world in it, and the scout's own code asking there."""

import json
import subprocess

import servers
from dnsworld import Faulty, World

ADDRESS = "192.0.2.53"
FAULTY = "192.0.2.54"
FAULTY_TOO = "192.0.2.55"
NOBODY = "192.0.2.99"  # an address that drops what it gets
KEY = "60b875" + 58 * "a"


class Net:
    """Lives as long as a pipe to us is open: nothing is left over, however we end."""

    def __init__(self, addresses):
        commands = ["ip link set lo up", *(f"ip addr add {address} dev lo nodad" if ":" in address else
                                           f"ip addr add {address}/32 dev lo" for address in addresses),
                    "echo up", "read end"]
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-c", " && ".join(commands)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"up\n"
        self.prefix = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class DaneLab:
    def __init__(self, directory):
        self.directory = str(directory)
        self.net = Net([ADDRESS, FAULTY, FAULTY_TOO, NOBODY])
        self.world = World(self.directory, ADDRESS)
        self.rules = []
        self.rules_too = []
        self.running = []

    def zone(self, name, records="", faults=(), **how):
        """faults: (type, name, fault) for a zone whose name server misbehaves."""
        if faults:
            how.setdefault("address", FAULTY)
            self.rules += faults
        self.world.zone(name, records, **how)

    def start(self):
        self.running.append(self.world.serve(self.net.prefix))
        self.running.append(Faulty(self.world, FAULTY, self.rules, self.net.prefix))
        self.running.append(Faulty(self.world, FAULTY_TOO, self.rules_too, self.net.prefix))

    def run(self, *arguments, anchor=None, hints=None, timeout_ms=15000):
        anchor = self.world.trust_anchor if anchor is None else anchor
        hints = self.world.root_hints if hints is None else hints
        command = [*self.net.prefix, servers.test_tool("scout_ask"), "--timeout", str(timeout_ms)]
        command += ["--trust-anchor", anchor] if anchor else []
        command += ["--root-hints", hints] if hints else []
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def ask(self, *arguments, **how):
        """Answers by name."""
        return {answer["name"]: answer for answer in self.run(*arguments, **how)[0]}

    def stop(self):
        for running in reversed(self.running):
            running.stop()
        self.net.stop()
