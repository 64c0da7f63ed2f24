# SPDX-License-Identifier: GPL-2.0-or-later
"""Each process crashes, hangs or has no memory while many sessions are under way. What is killed by the kernel for want of
memory dies as in test_faults_load.py; here its allocations fail, each of them."""

import signal
import time

import faults_lab
import namespaces
import pytest
import servers

STANCES = ("closed", "open")
# The rest needs --full: each takes seconds, and hangs are noticed after ten.
QUICK = (("closed", "crash", "supervisor"), ("closed", "memory", "guards"))
STOPPED_S = 12         # a supervisor that hangs is systemd's to notice
HUNGRY_S = 3


def pytest_generate_tests(metafunc):
    kind = metafunc.function.__name__.rsplit("_", 1)[1]
    plays = [pytest.param(stance, name, marks=() if (stance, kind, name) in QUICK else pytest.mark.full)
             for stance in STANCES for name in faults_lab.VICTIMS]
    metafunc.parametrize("faults, name", plays, indirect=["faults"], scope="module")


class Site(faults_lab.Faults):
    def tempt(self, name, supervisor):
        """Brings about what takes some memory of that process, whatever comes of it."""
        if name == "ledger":
            self.guard.ask("status", check=False)
        elif name != "guards":
            self.send(supervisor, signal.SIGHUP)


@pytest.fixture(scope="module")
def faults(lab, request):
    one = Site(lab, request.param)
    yield one
    one.end()


@pytest.mark.parametrize("number", [signal.SIGSEGV, pytest.param(signal.SIGABRT, marks=pytest.mark.full)])
def test_whoever_dies_of_a_crash(faults, name, number, record_property):
    with faults.measured(record_property, "crash", name):
        passed = faults.kill(name, number)
        if passed and faults.stance == "closed":
            said, left = passed
            assert said and not [segment for segment in left if faults_lab.is_new(segment)]


def test_whoever_is_in_a_hang(faults, name, record_property):
    with faults.measured(record_property, "SIGSTOP", name):
        pids = faults.pids(name)
        faults.send(pids, signal.SIGSTOP)
        if name == "supervisor":
            time.sleep(STOPPED_S)
            faults.send(pids, signal.SIGCONT)
            faults.wait_until_whole()
            assert faults.pids(name) == pids
        else:
            faults.wait_until_whole(pids, faults_lab.HANG_S)


def test_whoever_has_no_memory(faults, name, record_property):
    if "sanitized" in servers.hopguard():
        pytest.skip("a sanitizer has an allocator of its own")
    with faults.measured(record_property, "no memory", name):
        pids, supervisor, before = faults.pids(name), faults.pids("supervisor"), faults.shifts.denied()
        guards = faults.pids("guards")
        faults.shifts.starve(pids)
        if name == "supervisor":
            faults.send(guards[:1], signal.SIGKILL)
        try:
            assert namespaces.wait_until(lambda: faults.tempt(name, supervisor) or faults.shifts.denied() > before), "it had enough"
            time.sleep(HUNGRY_S)
        finally:
            faults.shifts.starve()
        if name == "supervisor" and faults.guard.process.poll() is not None:
            faults.start_again()
        faults.wait_until_whole()
