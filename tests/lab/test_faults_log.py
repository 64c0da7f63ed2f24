# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever reads what hopguard says, as the journal does, stops reading while many sessions are under way."""

import contextlib
import os

import faults_lab
import namespaces
import pytest

STANCES = ("closed", pytest.param("open", marks=pytest.mark.full))
LEFT_OUT = "log lines left out count="
READ_MAX = 1 << 20


class Site(faults_lab.Faults):
    """Whose log is a pipe. What was read of it is in the guard's output."""

    def prepare(self, guard):
        super().prepare(guard)
        path = os.path.join(guard.directory, "log")
        os.mkfifo(path)
        self.log = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        guard.program = ["/bin/sh", "-c", 'exec "$@" 2>"$0"', path, *guard.program]

    def end(self):
        self.read()
        super().end()
        os.close(self.log)

    def read(self):
        with contextlib.suppress(BlockingIOError), open(self.guard.output_path, "ab") as output:
            while True:
                output.write(os.read(self.log, READ_MAX).replace(b"\0", b""))

    def fill(self):
        """To its last octet: a page that has room for a line takes one."""
        for octets in (bytes(4096), bytes(1)):
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(self.log, octets)

    def says_what_was_left_out(self):
        self.kill("ledger")
        self.read()
        return LEFT_OUT in self.guard.output()


@pytest.fixture(scope="module", params=STANCES)
def faults(lab, request):
    one = Site(lab, request.param)
    yield one
    one.end()


def test_nobody_reads_the_log(faults, record_property):
    with faults.measured(record_property, "log hangs", "standard error is a pipe that nobody reads"):
        faults.fill()
        for name in ("ledger", "verifier", "scout", "guards"):
            faults.kill(name)
        assert "holds" in faults.reload()["text"]
        assert faults.load.wait_until_flowing()
        with pytest.raises(BlockingIOError):
            os.write(faults.log, bytes(1))
        faults.read()
    assert namespaces.wait_until(faults.says_what_was_left_out)
