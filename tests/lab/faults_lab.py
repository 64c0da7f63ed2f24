# SPDX-License-Identifier: GPL-2.0-or-later
"""A load on a guard of one stance, what is done to it, and what became of the sessions meanwhile."""

import collections
import contextlib
import signal

import capture
import load
import namespaces
import preloads

SETTINGS = {
    "closed": ("queues=2",),
    "monitor": ("queues=2", "mode=monitor", "on-failure=open"),
    "open": ("queues=2", "on-failure=open"),
}
WORKERS = {"tls": 8, "clear": 8, "stripped": 8}
# Which processes a fault befalls at a time.
VICTIMS = {"guards": ("guard0", "guard1"), "supervisor": ("supervisor",), "scout": ("scout",), "ledger": ("ledger",),
           "verifier": ("verifier",)}
SILENCE_S = 0.6  # how long nobody listens before the supervisor is started again, as systemd waits
HANG_S = 16      # until one that hangs is noticed, and its successor is at work

# Of the sessions that ended meanwhile: honest ones that arrived, and that did not; stripped ones, and those that passed.
Count = collections.namedtuple("Count", "sent kept stripped passed")


def is_new(segment):
    """Begins a connection, or carries octets in clear: what goes on is TLS that a guard has passed for good."""
    is_record = segment.payload[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and segment.payload[1:2] == b"\3"
    return segment.flags & capture.SYN or (segment.payload and not is_record)


class Faults:
    """A load on a guard of one stance, and the deaths of its processes."""

    make_load = load.Load
    start_patience_s = 60

    def __init__(self, lab, stance, settings=(), workers=None):
        self.lab = lab
        self.stance = stance
        self.guard = lab.guard_at("routed", settings=(*SETTINGS[stance], *settings))
        self.shifts = preloads.Shifts(lab.world.directory)
        self.guard.stop()
        self.prepare(self.guard)
        self.guard.mark()
        self.guard.start(self.start_patience_s)
        self.load = self.make_load(lab, workers or WORKERS).start()
        assert self.load.wait_until_flowing()

    def end(self):
        self.load.stop()
        self.lab.reset()
        self.lab.guard_at(None)

    def prepare(self, guard):
        """Before its start."""
        guard.program = [*self.shifts.words, *guard.program]

    # What is done

    def pids(self, name):
        processes = self.guard.processes()
        return [processes[victim] for victim in VICTIMS[name]]

    def send(self, pids, number):
        self.guard.host.run(["kill", f"-{int(number)}", *map(str, pids)], check=False)
        if number == signal.SIGCONT:
            # nsenter stops with its child, and would not hear of its end.
            self.guard.process.send_signal(signal.SIGCONT)

    def kill(self, name, number=signal.SIGKILL):
        """Kills, and waits until all is whole again. Of the supervisor, whom we start again: what was said, and what
        passed, while nobody listened."""
        pids = self.pids(name)
        self.send(pids, number)
        passed = self.start_again() if name == "supervisor" else None
        self.wait_until_whole(pids)
        return passed

    def restart(self, **options):
        """As systemd does it; what start_again() gives."""
        self.send(self.pids("supervisor"), signal.SIGTERM)
        return self.start_again(**options)

    def start_again(self, patience_s=30, tells=True):
        """A supervisor that ends or has ended; `tells`: the event file will say when it is ready."""
        assert namespaces.wait_until(lambda: not self.guard.host.run(["cat", "/proc/net/netfilter/nfnetlink_queue"]).strip())
        passed = self.load.watch.record(SILENCE_S)
        self.guard.process.wait(patience_s)
        self.guard.mark()
        if tells:
            self.guard.start(self.start_patience_s)
        else:
            self.guard.launch()
        return passed

    def wait_until_whole(self, gone=(), timeout_s=60):
        """And none of those that are gone is there."""
        assert namespaces.wait_until(lambda: self._is_whole_without(gone), timeout_s), self.guard.output()[-3000:]

    def _is_whole_without(self, pids):
        processes = self.guard.status()["processes"]
        return bool(processes) and all(one["state"] == "ready" and one["pid"] not in pids for one in processes)

    def reload(self):
        """Asks for it; the event that answers."""
        self.guard.mark()
        self.send(self.pids("supervisor"), signal.SIGHUP)
        return self.guard.wait_for(lambda event: event["event"] == "reloaded", timeout_s=30)

    # What became of it

    def count(self, start):
        return self.count_of(self.load.since(start, *load.KINDS))

    @staticmethod
    def count_of(outcomes):
        honest = [one for one in outcomes if one.letter.kind in load.HONEST]
        stripped = [one for one in outcomes if one.letter.kind == "stripped"]
        sent = [one for one in honest if one.result == "sent"]
        passed = [one for one in stripped if one.result == "sent"]
        return Count(len(sent), len(honest) - len(sent), len(stripped), len(passed))

    def judge(self, start):
        """In closed nothing leaked, in open none was lost, and who was told that a letter is taken was told the truth."""
        lost = self.load.missing(start)
        assert not lost
        if self.stance == "closed":
            assert not self.load.leaked()
            assert not self.count(start).passed
        else:
            kept = [one for one in self.load.since(start, *load.HONEST) if one.result != "sent"]
            assert not kept, kept[:5]

    @contextlib.contextmanager
    def measured(self, record_property, fault, where):
        """Judges all that ended since, once mail flows again, and writes it down for the table."""
        start = len(self.load.outcomes)
        yield start
        assert self.load.wait_until_flowing(), "mail does not flow again"
        self.load.wait_until_ended()
        self.judge(start)
        self.record(record_property, fault, where, start)

    def record(self, record_property, fault, where, start):
        count = self.count(start)
        assert count.sent and count.stripped, "the load did not show what it is for"
        record_property("fault", "; ".join([fault, where, self.stance, *map(str, count)]))
