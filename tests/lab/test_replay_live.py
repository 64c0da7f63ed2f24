# SPDX-License-Identifier: GPL-2.0-or-later
"""What a wiretap on the gateway saw of a lab run, replayed with look-ups at the lab's own name servers: the verdict is
the one that the guard gave there and then."""

import json
import os
import subprocess
import time

import attacks
import namespaces
import pytest
import servers


BUFFER_KIB = "65536"  # each packet takes 256 KiB there, however short: of tcpdump's own buffer eight fill all
QUIET_S = 0.3


class Wiretap:
    """tcpdump on one interface of the gateway."""

    def __init__(self, lab, name, interface):
        self.path = os.path.join(lab.world.directory, f"{name}.pcap")
        command = [servers.tool("tcpdump"), "-U", "--immediate-mode", "-Z", "root", "-i", interface, "-s", "0",
                   "-B", BUFFER_KIB]
        self._process = lab.world.gateway.spawn([*command, "-w", self.path, "tcp port 25"])
        end = time.monotonic() + 5
        while not (os.path.exists(self.path) and os.path.getsize(self.path) >= 24):
            assert time.monotonic() < end and self._process.poll() is None
            time.sleep(0.02)
        time.sleep(0.1)

    def stop(self):
        size, end = -1, time.monotonic() + 10
        while size != os.path.getsize(self.path) and time.monotonic() < end:
            size = os.path.getsize(self.path)
            time.sleep(QUIET_S)  # what was captured last
        namespaces.stop(self._process)
        return self.path


def replay(lab, path, *words):
    command = [servers.hopguard(), "replay", "--json", "--config", "/dev/null",
               "--set", f"dns.trust-anchor={lab.dns.trust_anchor}", "--set", f"dns.root-hints={lab.dns.root_hints}",
               *words, path]
    done = subprocess.run(lab.world.gateway.command(command), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def essence(events, *more):
    """What was said, whether once or, as the sender came again, twice: the guard tells repetitions as a number."""
    keys = ("reason", "kind", "server", "mx", "promise", "rule", *more)
    said = [[event.get("would", event["action"]), *map(event.get, keys)]
            for event in events if event["event"] == "verdict"]
    return [one for place, one in enumerate(said) if one not in said[:place]]


@pytest.mark.parametrize("attack, family, interface", [("strip", 4, "in0"), ("mask-xxxxxxxa", 6, "any"),
                                                       ("sabotage-reset-ready", 4, "in0")])
def test_of_its_wiretap_is_said_what_the_guard_said(lab, attack, family, interface):
    lab.guard_at("routed")
    wiretap = Wiretap(lab, f"{attack}-{family}", interface)
    outcome = lab.play(attacks.ATTACKS[attack], "postfix", family)
    path = wiretap.stop()
    said = essence(lab.guard.events())
    status, events = replay(lab, path)
    assert said and status == 1
    assert essence(events) == said, outcome


def test_of_a_monitoring_guards_wiretap_the_same_is_said(lab):
    lab.guard_at("routed", settings=("mode=monitor", "on-failure=open"))
    wiretap = Wiretap(lab, "monitor", "in0")
    lab.play(attacks.ATTACKS["strip"], "postfix", 4)
    path = wiretap.stop()
    said = essence(lab.guard.events(), "domain")
    status, events = replay(lab, path)
    assert said and status == 1
    assert essence(events, "domain") == said


@pytest.mark.parametrize("attack, kind", [(None, "protected"), ("strip", "unprotected")])
def test_of_mail_that_breaks_no_promise_nothing_is_said(lab, attack, kind):
    lab.guard_at(None)
    wiretap = Wiretap(lab, f"good-{kind}", "in0")
    outcome = lab.play(attacks.ATTACKS.get(attack), "postfix", 4, kind)
    assert outcome.attempt.result == "sent"
    path = wiretap.stop()
    status, events = replay(lab, path)
    assert (status, [event for event in events if event["action"] != "pass"]) == (0, [])
    if kind == "unprotected":
        assert replay(lab, path, "--default-level", "encrypt")[0] == 1
