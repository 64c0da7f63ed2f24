# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole lab on its feet: world, name servers, senders, receiver, attackers, captures."""

import collections
import itertools
import os
import time

import attacker
import capture
import destinations
import dnsworld
import guard
import mta
import receivers
import senders
import sink
import world

DELIVERY_S = 12  # for one attempt, the senders' own patience over several connections included

# What became of one letter. clear: words of the letter seen in clear behind the gateway. arrived: at the sink.
Outcome = collections.namedtuple("Outcome", "attempt clear arrived hit recipient destination secret")


class Lab:
    """`zones` are more of them, (name, records) or with options as well; KEY in a record stands for the TLSA data of the
    host's key: the sink's, or that which key_of_zone() gives."""

    def __init__(self, with_senders=senders.ALL, with_receivers=(), zones=()):
        self.world = world.World(with_receivers)
        try:
            self._furnish(with_senders, with_receivers, zones)
        except BaseException:
            self.world.close()
            raise

    def _furnish(self, wanted, receiving, zones):
        key, certificate = sink.make_key(self.world.directory, "mx")
        self.senders = {name: one for name, one in senders.make_all(self.world.sender).items() if name in wanted}
        servers = [one.server for one in self.senders.values() if one.has_queue]
        self.receivers = {name: receivers.ALL[name](self.world.mx) for name in receiving}
        servers += self.receivers.values()
        for server in servers:
            server.launch()
        self.key = key
        self.sink = sink.Sink(self.world.far, key, certificate)
        self.tlsa = dnsworld.tlsa(certificate)
        self.destinations = destinations.Destinations(self.world.directory, self.tlsa, {
            name: dnsworld.tlsa(one.certificate) for name, one in self.receivers.items()})
        self.dns = self.destinations.dns
        for name, records, *options in zones:
            self.dns.zone(name, records.replace("KEY", self.key_of_zone(name)), **(options[0] if options else {}))
        self.nameserver = self.dns.serve(self.world.far.command([]))
        self.resolver = self.world.start_resolver([f'root-hints: "{self.dns.root_hints}"',
                                                   f'trust-anchor-file: "{self.dns.trust_anchor}"'])
        self.near = attacker.Attacker(self.world.inside, "in0", "out0")
        self.wide = attacker.Attacker(self.world.outside, "in0", "out0", *(["mx0"] if receiving else []))
        self.before = capture.Capture(self.world.inside, "in0")   # what the sender says
        self.behind = capture.Capture(self.world.outside, "in0")  # what leaves the gateway
        self.syslogs = {host: guard.Syslog(host) for host in (self.world.gateway, self.world.sender)}
        self.guard = None
        self._standing = None  # where the guard stands, and with which settings
        self._serial = itertools.count(1)
        for server in servers:
            server.wait_until_ready()

    def key_of_zone(self, zone):
        """TLSA data of that of the mail host of a zone."""
        return self.tlsa

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.world.close()

    def guard_at(self, place, world_place=None, settings=(), configuration=""):
        """Puts a guard into a place, unless just that one stands there; None: no guard, the gateway as world_place.
        configuration: the file's text, for sections that no setting reaches."""
        wanted = (place, tuple(settings), configuration) if place else None
        if self._standing == wanted and self.world.place == (place or world_place or "routed"):
            return self.guard
        if self.guard:
            self.guard.stop()
            self.guard, self._standing = None, None
        self.wide.stop()
        self.near.stop()
        self.world.set_place(place or world_place or "routed")
        if place:
            host = self.world.sender if place == "host" else self.world.gateway
            self.guard = guard.Guard(host, self.world.directory, self.dns, world.CLIENTS, settings,
                                     configuration).start()
            self._standing = wanted
        return self.guard

    def wait_until_closed(self, timeout_s):
        """Whether no connection of the sender's to port 25 hangs in its closing."""
        end = time.monotonic() + timeout_s
        while True:
            left = self.world.sender.network_command(["ss", "-Htn", "state", "last-ack", "state", "closing", "state",
                                                      "close-wait", "state", "fin-wait-1", "dport = 25"])
            if not left or time.monotonic() > end:
                return not left
            time.sleep(0.1)

    @property
    def syslog(self):
        return self.syslogs[self.guard.host]

    def reset(self):
        for one in (self.near, self.wide):
            one.stop()
        for one in (self.sink, self.before, self.behind, *self.syslogs.values()):
            one.reset()
        if self.guard:
            self.guard.mark()

    def play(self, attack, sender_name, family, kind="protected", retries=True, timeout_s=None):
        """One letter under one attack (None: an honest path) to a destination that was not met before."""
        kind = "two-hosts" if attack and attack.needs_two_hosts else kind
        return self.carry(attack, sender_name, self.destinations.next(kind, family), retries, timeout_s)

    def carry(self, attack, sender_name, destination, retries=True, timeout_s=None):
        """One letter under one attack to that destination, and what became of it.

        A letter that the sender kept is tried once more: Postfix comes in clear only then.
        """
        self.reset()
        sender = self.senders[sender_name]
        sender.reset()
        self.sink.without_starttls.update(destination.addresses[1:])
        number = next(self._serial)
        recipient = f"you{number}@{destination.domain}"
        secret = f"secret-{os.getpid()}-{number}"
        if attack:
            attack.begin()
            self.sink.is_careless = attack.needs_careless_server
            (self.near if attack.is_near_client else self.wide).start(attack)
        timeout_s = timeout_s or DELIVERY_S
        attempt = sender.deliver(destination, recipient, secret, timeout_s)
        if attempt.result == "kept" and retries and "crashed" not in attempt.why:
            time.sleep(mta.RETRY_S + 0.1)
            attempt = sender.deliver_again(recipient, timeout_s)
        arrived = self.sink.find(recipient)
        hit = bool(attack and not attack.must_leak and attack.hit(self.sink, sender))
        clear = self.behind.saw(recipient.encode(), secret.encode(), b"RCPT TO", b"DATA\r\n")
        return Outcome(attempt, clear, arrived, hit, recipient, destination, secret)


def falls(attack, outcome):
    """Whether the attack had what it wanted."""
    return bool(outcome.clear) if attack.must_leak else outcome.hit
