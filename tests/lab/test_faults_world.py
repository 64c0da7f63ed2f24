# SPDX-License-Identifier: GPL-2.0-or-later
"""What surrounds the guard fails while many sessions are under way: name servers, clocks, queues, tables, cables, rules, the
configuration, the program's own file."""

import contextlib
import os
import shutil
import signal
import time

import conntrack
import faults_lab
import lines
import mishaps
import namespaces
import pytest
import servers

STANCES = ("closed", pytest.param("open", marks=pytest.mark.full))
HOLD = "hold-seconds=6"
HOUR_S = 3600
FLOOD = 75_000         # packets; a queue has room for 65,536
RULES_BACK_S = 8


class Site(faults_lab.Faults):
    """Whose program is a file of its own, with a clock that can be set."""

    def prepare(self, guard):
        self.binary = os.path.join(self.lab.world.directory, "hopguard")
        shutil.copy(servers.hopguard(), self.binary)
        guard.program = [self.binary]
        super().prepare(guard)

    def reload_with(self, text):
        with open(self.guard.configuration, "w", encoding="utf-8") as file:
            file.write(text)
        return self.reload()

    def configure(self, text):
        assert "holds" in self.reload_with(text)["text"]

    def honest_letter(self, kind="protected", family=4):
        """What a client without TLS hears at a destination that nobody looked up before."""
        destination = self.lab.destinations.next(kind, family)
        return lines.say_recipient(self.lab.world.sender, destination.addresses[0], f"you@{destination.domain}")


@pytest.fixture(scope="module", params=STANCES)
def faults(lab, request):
    one = Site(lab, request.param, settings=(HOLD,))
    yield one
    one.end()


@pytest.mark.full
def test_no_name_server_answers(faults, record_property):
    """What is known goes on; what is not known waits in its sender's queue, whatever happens to our own failures."""
    postfix = faults.lab.senders["postfix"]
    postfix.reset()
    fresh = faults.lab.destinations.next("protected", 4)
    recipient = f"resolver@{fresh.domain}"
    with faults.measured(record_property, "resolver down", "name servers"):
        with mishaps.without_name_servers(faults.lab.world.far):
            reply = faults.honest_letter()
            assert reply.startswith(b"421 4.7."), reply
            assert b"undecided" in reply or b"policy-unavailable" in reply, reply
            postfix.server.submit(recipient, "secret-kept")
            assert faults.load.wait_until_flowing(), "what is known waits for what is not"
            assert postfix.is_kept(recipient)
        assert namespaces.wait_until(lambda: _arrives(faults, recipient), timeout_s=60), postfix.server.log()
    assert not faults.lab.behind.saw(b"secret-kept")


def _arrives(faults, recipient):
    faults.lab.senders["postfix"].server.flush()
    return faults.lab.sink.wait_for(recipient, 3)


@pytest.mark.parametrize("shift_s", [pytest.param(HOUR_S, marks=pytest.mark.full), -2 * HOUR_S], ids=["forward", "back"])
def test_the_wall_clock_steps(faults, shift_s, record_property):
    try:
        with faults.measured(record_property, "clock steps", "forward" if shift_s > 0 else "back"):
            faults.shifts.set(shift_s=shift_s)
            assert faults.load.wait_until_flowing()
            event = faults.reload()
            said = time.mktime(time.strptime(event["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.mktime(time.gmtime())
            assert abs(said - shift_s) < 60, "the clock did not step"
            assert faults.load.wait_until_flowing()
            reply = faults.honest_letter()
            assert reply.startswith(b"421 4.7.4") and b"tls-not-used" in reply, reply
            faults.shifts.set()
            assert faults.load.wait_until_flowing()
            faults.wait_until_whole()
    finally:
        faults.shifts.set()


@contextlib.contextmanager
def stopped(faults, name):
    pids = faults.pids(name)
    faults.send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        faults.send(pids, signal.SIGCONT)


@pytest.mark.full
def test_more_packets_wait_than_the_queues_have_room_for(faults, record_property):
    server, before = faults.load.destinations["clear"][0].addresses[0], mishaps.overrun(faults.guard.host)
    with faults.measured(record_property, "NFQUEUE overrun", "queues"):
        with stopped(faults, "guards"):
            mishaps.flood(faults.lab.world.sender, server, FLOOD)
            time.sleep(0.5)
        assert mishaps.overrun(faults.guard.host) > before, "there was room"
        assert faults.guard.wait_for(lambda one: one["event"] == "degraded" and one["subject"] == "queues")
        faults.wait_until_whole()


@pytest.mark.full
def test_the_kernel_has_no_place_for_another_connection(faults, record_property):
    gateway = faults.lab.world.gateway
    if conntrack.most(gateway) > 600_000:
        pytest.skip("a table of connections that takes too long to fill")
    before = conntrack.refused(gateway)
    with faults.measured(record_property, "conntrack table full", "gateway"):
        with conntrack.full(gateway):
            assert namespaces.wait_until(lambda: conntrack.refused(gateway) > before, timeout_s=10), (
                f"there was a place: {conntrack.count(gateway)} of {conntrack.most(gateway)}")
            time.sleep(1)


def test_the_interfaces_go_down_and_up(faults, record_property):
    with faults.measured(record_property, "interface flaps", "gateway"):
        for _ in range(3):
            with faults.lab.world.unplugged():
                time.sleep(0.5)
            time.sleep(0.2)
        faults.wait_until_whole()


def test_an_interface_is_made_anew(faults, record_property):
    with faults.measured(record_property, "interface flaps", "one is gone, and another has its name"):
        for _ in range(3):
            faults.lab.world.renew_interface()
            time.sleep(0.5)
        faults.wait_until_whole()


@pytest.mark.full
def test_a_bad_file_is_reloaded(faults, record_property):
    with faults.measured(record_property, "reload with a bad file", "configuration"):
        for text in ("mode = nonsense\n", "dns {\n", "on-failure = open\nqueues = 3\nnonsense\n"):
            event = faults.reload_with(text)
            assert event and "refused, the old configuration stays" in event["text"], event
        faults.configure("")
        faults.wait_until_whole()


def write_newer(path, version):
    """The program that there is, but for its version."""
    with open(servers.hopguard(), "rb") as file:
        octets = file.read()
    newer = version[:-1] + str((int(version[-1]) + 1) % 10)
    assert version.encode() + b"\0" in octets
    with open(path, "wb") as file:
        file.write(octets.replace(version.encode() + b"\0", newer.encode() + b"\0"))
    shutil.copymode(servers.hopguard(), path)
    return newer


@pytest.mark.full
def test_the_program_is_replaced_and_started_again(faults, record_property):
    old = os.stat(faults.binary).st_ino
    with faults.measured(record_property, "upgrade in place", "program"):
        newer = write_newer(faults.binary + ".new", faults.guard.status()["version"])
        os.rename(faults.binary + ".new", faults.binary)
        assert os.stat(faults.binary).st_ino != old
        faults.kill("guards")
        said, left = faults.restart()
        if faults.stance == "closed":
            assert said and not [segment for segment in left if faults_lab.is_new(segment)]
        exe = faults.guard.host.run(["readlink", f"/proc/{faults.pids('supervisor')[0]}/exe"])
        assert "(deleted)" not in exe
        faults.wait_until_whole()
        assert faults.guard.status()["version"] == newer


def flush_rules(guard):
    backend = guard.status()["backend"]
    guard.mark()
    for tool in ("iptables", "ip6tables"):
        for table in ("mangle", "raw"):
            guard.host.run([f"{tool}-{'legacy' if backend == 'iptables-legacy' else 'nft'}", "-w", "-t", table, "-F"])


def apply_rules(guard):
    settings = [word for setting in guard.settings for word in ("--set", setting)]
    guard.host.run(guard.command("rules", "apply", "--config", guard.configuration, *settings))


@pytest.mark.parametrize("setting", ["restore", pytest.param("alert", marks=pytest.mark.full)])
def test_somebody_else_flushes_the_rules(faults, setting, record_property):
    """What goes on while no rule is there passes by us; nothing can prevent that. As soon as they are in again, it is judged by
    its next command."""
    guard, fault = faults.guard, "rules flushed by somebody else"
    faults.configure(f"rules-flushed = {setting}\n")
    start = len(faults.load.outcomes)
    flush_rules(guard)
    if setting == "alert":
        assert guard.wait_for(lambda event: event["event"] == "degraded" and "rules-flushed = alert" in event["text"], RULES_BACK_S)
        assert faults.load.wait_until_flowing()
        assert [one for one in faults.load.since(start, "stripped") if one.result == "sent"], "the rules are in"
        apply_rules(guard)
    assert guard.wait_for(lambda event: event["event"] == "recovered" and "rules" in event["text"], RULES_BACK_S)
    assert faults.load.wait_until_flowing()
    faults.load.wait_until_ended()
    faults.record(record_property, fault, f"until they are in again, `rules-flushed = {setting}`", start)
    assert not faults.load.missing(start)
    assert faults.stance == "closed" or not faults.count(start).kept
    faults.load.watch.forget()
    with faults.measured(record_property, fault, "once they are in again"):
        time.sleep(1)
    faults.configure("")
