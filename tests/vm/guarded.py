# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's little Internet with a guard in it, furnished for a slow machine: one signed domain that promises TLS, one
that promises nothing, two clients of our own, and an attacker on the wide path."""

import ipaddress
import itertools
import json
import re

import attacker
import attacks
import capture
import clients
import dnsworld
import guard
import sink
import world

PROTECTED, PLAIN = 10, 20  # the hosts' numbers, see world.far_address


def records(number, tlsa=None):
    host = f"@ MX 10 mx\nmx A {world.far_address(number, 4)}\nmx AAAA {world.far_address(number, 6)}\n"
    return host + (f"_25._tcp.mx TLSA {tlsa}\n" if tlsa else "")


class Guarded:
    def __init__(self):
        self.world = world.World(senders=())
        try:
            self._furnish()
        except BaseException:
            self.world.close()
            raise

    def _furnish(self):
        key, certificate = sink.make_key(self.world.directory, "mx")
        self.sink = sink.Sink(self.world.far, key, certificate)
        self.dns = dnsworld.World(self.world.directory, world.NAMESERVER)
        self.dns.zone("dane.lab.", records(PROTECTED, dnsworld.tlsa(certificate)))
        self.dns.zone("plain.lab.", records(PLAIN))
        self.dns.serve(self.world.far.command([]))
        self.attacker = attacker.Attacker(self.world.outside, "in0", "out0")
        self.wire = capture.Capture(self.world.outside, "in0")  # what leaves the gateway
        self.guard = None
        self._standing = None
        self._serial = itertools.count(1)

    def close(self):
        self.world.close()

    def host(self, place):
        return self.world.sender if place == "host" else self.world.gateway

    def guard_at(self, place, *settings, anew=False):
        """Puts a guard there, unless just that one stands there."""
        asked = (place, settings)
        if not anew and self._standing == asked:
            return self.guard
        self.stop()
        self.world.set_place(place)
        if place == "bridge":  # the way out of the bridge itself ends at another machine than that of who sends through it
            settings = (*settings, "tls.tls13=pass")
        self.guard = guard.Guard(self.host(place), self.world.directory, self.dns, world.CLIENTS,
                                 ("queues=2", *settings)).start()
        self._standing = asked
        return self.guard

    def stop(self):
        status = self.guard.stop() if self.guard else None
        self.guard, self._standing = None, None
        return status

    def send(self, family, *, number=PROTECTED, attack=None, client=clients.OpportunisticClient, body=b"a letter",
             patience_s=10):
        """One letter to that host. The client, and the recipient's address."""
        self.sink.reset()
        self.wire.reset()
        self.attacker.stop()
        if self.guard:
            self.guard.mark()
        recipient = f"you{next(self._serial)}@{'dane' if number == PROTECTED else 'plain'}.lab"
        if attack:
            self.attacker.start(attacks.ATTACKS[attack])
        sender = client(self.world.sender, patience_s=patience_s)
        sender.send(world.far_address(number, family), recipient, body)
        return sender, recipient

    def processes(self):
        """Process ids by name, as the guard's host counts them: supervisor, scout, ledger, guard0."""
        said = json.loads(self.guard.ask("status", "--json"))
        return {f"{one['role']}{one.get('index', '')}": one["pid"] for one in said["processes"] if "pid" in one}

    def kill(self, *pids):
        """The others end by themselves when the supervisor is gone: that they are already is no error."""
        self.guard.host.run(["kill", "-9", *pids], check=False)

    # What the kernel says

    def ruleset(self, place="routed"):
        return self.host(place).network_command(["nft", "list", "ruleset"])

    def queued(self, place="routed"):
        """How many packets came through the queues since they were bound."""
        table = self.host(place).network_command(["cat", "/proc/net/netfilter/nfnetlink_queue"])
        return sum(int(line.split()[7]) for line in table.splitlines())

    def connection_marks(self, address, place="routed"):
        table = self.host(place).network_command(["cat", "/proc/net/nf_conntrack"])
        return [int(re.search(r"mark=(\d+)", line)[1]) for line in table.splitlines()
                if "dport=25 " in line and f"dst={ipaddress.ip_address(address).exploded} " in line]

