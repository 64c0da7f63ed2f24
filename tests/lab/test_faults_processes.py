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
# The rest needs --full: hangs are noticed after ten seconds.
QUICK = {
    ("closed", "hang"): ("guards", "scout"), ("open", "hang"): ("guards",),
    ("closed", "crash"): ("guards", "supervisor", "verifier"), ("open", "crash"): ("guards",),
    ("closed", "memory"): ("guards", "scout", "supervisor"), ("open", "memory"): (),
}
STOPPED_S = 3          # a supervisor that hangs is systemd's to notice
STOPPED_FULL_S = 12
HUNGRY_S = 3


def pytest_generate_tests(metafunc):
    is_full = metafunc.config.getoption("--full")
    kind = metafunc.function.__name__.rsplit("_", 1)[1]
    plays = [(stance, name) for stance in STANCES for name in faults_lab.VICTIMS if is_full or name in QUICK[stance, kind]]
    metafunc.parametrize("faults, name", plays, indirect=["faults"], scope="module")


class Site(faults_lab.Faults):
    def tempt(self, name):
        """Brings about what takes some memory of that process, whatever comes of it."""
        if name in ("supervisor", "scout", "verifier"):
            self.send(self.pids("supervisor"), signal.SIGHUP)


@pytest.fixture(scope="module")
def faults(lab, request):
    one = Site(lab, request.param)
    yield one
    one.end()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_whoever_dies_of_a_crash(faults, name, number, record_property):
    with faults.measured(record_property, "crash", name):
        passed = faults.kill(name, number)
        if passed and faults.stance == "closed":
            said, left = passed
            assert said and not [segment for segment in left if faults_lab.is_new(segment)]


def test_whoever_is_in_a_hang(faults, name, request, record_property):
    with faults.measured(record_property, "SIGSTOP", name):
        pids = faults.pids(name)
        faults.send(pids, signal.SIGSTOP)
        if name == "supervisor":
            time.sleep(STOPPED_FULL_S if request.config.getoption("--full") else STOPPED_S)
            faults.send(pids, signal.SIGCONT)
            faults.wait_until_whole()
            assert faults.pids(name) == pids
        else:
            faults.wait_until_whole(pids, faults_lab.HANG_S)


def test_whoever_has_no_memory(faults, name, record_property):
    if "sanitized" in servers.hopguard():
        pytest.skip("a sanitizer has an allocator of its own")
    with faults.measured(record_property, "no memory", name):
        pids, before = faults.pids(name), faults.shifts.denied()
        if name == "supervisor":
            faults.send(faults.pids("guards")[:1], signal.SIGKILL)
        faults.shifts.starve(pids)
        try:
            assert namespaces.wait_until(lambda: faults.tempt(name) or faults.shifts.denied() > before), "it had enough"
            time.sleep(HUNGRY_S)
        finally:
            faults.shifts.starve()
        if name == "supervisor" and faults.guard.process.poll() is not None:
            faults.start_again()
        faults.wait_until_whole()
