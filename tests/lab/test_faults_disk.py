# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk under the state directory and the event file is full, read-only or slow while many sessions are under way."""

import contextlib
import json
import os
import signal
import time

import faults_lab
import namespaces
import pytest

STANCES = ("closed", pytest.param("open", marks=pytest.mark.full))
SIZE = 3 << 20         # of the file system, octets
REFUSED = "event file does not take events"
SLOW_MS = 300
HANGS_MS = 12_000      # longer than a process may be silent


class Site(faults_lab.Faults):
    """State and events on a file system of their own."""

    def prepare(self, guard):
        super().prepare(guard)
        self.state = guard.state
        guard.host.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", guard.state])
        guard.host.run(["chown", "hopguard:", guard.state])
        guard.event_path, guard._event_start = f"/proc/{guard.host.pid}/root{guard.event_path}", 0

    def end(self):
        super().end()
        self.lab.world.gateway.run(["umount", "--lazy", self.state])

    def tell(self):
        """Brings an event about, whether or not it can be written."""
        self.send(self.pids("supervisor"), signal.SIGHUP)

    def database(self):
        return self.guard.status()["database"]

    @contextlib.contextmanager
    def covered(self, options):
        """Another file system over it: what is open there stays open, and can only be opened anew below."""
        self.guard.host.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.state])
        try:
            yield
        finally:
            self.guard.host.run(["umount", "--lazy", self.state])


@pytest.fixture(scope="module", params=STANCES)
def faults(lab, request):
    one = Site(lab, request.param)
    yield one
    one.end()


def torn(guard):
    """Lines of the event file that are no event."""
    found = []
    with open(guard.event_path, "rb") as file:
        for line in file.read().split(b"\n")[:-1]:
            try:
                json.loads(line)
            except ValueError:
                found.append(line)
    return found


def test_the_disk_is_full(faults, record_property):
    filler, told = os.path.join(faults.state, "filler"), faults.guard.output().count(REFUSED)
    with faults.measured(record_property, "disk full", "state directory, event file"):
        faults.guard.host.run(["sh", "-c", f"head -c {2 * SIZE} /dev/zero >{filler} || true"])
        try:
            # Whatever is left of a block of the event file's, one of these does not fit.
            assert namespaces.wait_until(lambda: faults.tell() or faults.guard.output().count(REFUSED) > told)
            faults.kill("ledger")
            assert faults.load.wait_until_flowing()
        finally:
            faults.guard.host.run(["rm", filler])
        assert namespaces.wait_until(lambda: faults.database()["is_usable"])
        assert faults.reload()
    # Of the event that was cut, its half; the next one is whole again.
    assert len(torn(faults.guard)) <= 1, torn(faults.guard)


@pytest.mark.full
def test_the_disk_is_read_only(faults, record_property):
    """From the next opening on: a reload keeps what it has, a start goes on without."""
    with faults.measured(record_property, "disk read-only", "state directory, event file"):
        with faults.covered("ro"):
            faults.tell()
            assert namespaces.wait_until(lambda: "Read-only file system" in faults.guard.output())
            faults.kill("ledger")
            assert faults.load.wait_until_flowing()
            faults.restart(tells=False)
            faults.wait_until_whole()
            assert faults.load.wait_until_flowing()
            assert not faults.database()["is_usable"]
        faults.restart()
        assert namespaces.wait_until(lambda: faults.database()["is_usable"])


@pytest.mark.full
@pytest.mark.parametrize("delay_ms", [SLOW_MS, HANGS_MS], ids=["slow", "hangs"])
def test_the_disk_is(faults, delay_ms, record_property):
    where = "state directory, event file"
    with faults.measured(record_property, "disk slow" if delay_ms == SLOW_MS else "disk hangs", where):
        faults.shifts.set(delay_ms=delay_ms)
        try:
            faults.guard.ask("flush", "example.org", check=False)
            time.sleep(3 if delay_ms == SLOW_MS else faults_lab.HANG_S)
            assert faults.load.wait_until_flowing()
        finally:
            faults.shifts.set()
        faults.wait_until_whole()


@pytest.mark.full
def test_nobody_reads_the_pipe_that_is_the_event_file(faults, record_property):
    path, told = os.path.join(faults.state, "events.json"), faults.guard.output().count(REFUSED)
    with faults.measured(record_property, "disk slow", "event file is a pipe that nobody reads"):
        faults.guard.host.run(["mv", path, path + ".1"])
        faults.guard.host.run(["sh", "-c", f"mkfifo {path} && chown hopguard: {path}"])
        reader = os.open(f"/proc/{faults.guard.host.pid}/root{path}", os.O_RDWR | os.O_NONBLOCK)
        try:
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(reader, bytes(4096))
            faults.tell()
            assert namespaces.wait_until(lambda: faults.guard.output().count(REFUSED) > told)
            assert faults.load.wait_until_flowing()
        finally:
            os.close(reader)
            faults.guard.host.run(["mv", path + ".1", path])
        assert "holds" in faults.reload()["text"]
