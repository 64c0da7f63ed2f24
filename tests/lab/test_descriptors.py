# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors under way: the kernel counts them for the user of all processes, and one that was taken over may fill that count."""

import contextlib
import signal
import subprocess
import sys

import alone
import namespaces
import pytest

# As the scout might, with what it may have: to itself, never to be read.
HOARDER = """
import array, os, resource, socket, sys, time
user, soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
os.setgroups([]), os.setgid(user), os.setuid(user)
kept, number = [], array.array("i", [0] * 250)
try:
    while True:
        kept += socket.socketpair()
        kept[-2].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, number)])
except OSError as error:
    print(error.errno, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def clean(machine):
    yield
    machine.close()


def limits(machine, pid):
    for line in machine.host.run(["cat", f"/proc/{pid}/limits"]).splitlines():
        if line.startswith("Max open files"):
            return line.split()[3:5]
    raise AssertionError("no such limit")


@contextlib.contextmanager
def hoarder(machine, role):
    pid = machine.processes()[role]
    user = machine.host.run(["ps", "-o", "uid=", "-p", str(pid)]).strip()
    process = machine.host.spawn([sys.executable, "-c", HOARDER, user, *limits(machine, pid)], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline()
        yield
    finally:
        namespaces.stop(process)


@pytest.mark.parametrize("role", ["scout", "ledger"])
def test_one_who_hoards_descriptors_keeps_nobody_from_being_born(machine, role):
    machine.start(*alone.MONITOR, "queues=2")
    with hoarder(machine, role):
        before = machine.processes()
        machine.kill(before["guard1"], signal.SIGKILL)
        assert machine.wait_until(lambda: machine.guard.is_whole() and machine.processes()["guard1"] != before["guard1"])
        machine.kill(before["verifier"], signal.SIGKILL)
        assert machine.wait_until(lambda: machine.guard.is_whole() and machine.processes()["verifier"] != before["verifier"])
