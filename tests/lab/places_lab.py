# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains whose mail honestly goes to another place than hopguard's own look-ups name: geo-DNS, split views, one address on
two machines, and NAT64."""

import contextlib
import os
import signal

import attacks
import dnsworld
import namespaces
import promises_lab
import servers
import sink
import world
from hop_lab import OTHER_NAMESERVER, ROUND_TRIP_MS

INNER = {4: "10.9.9.{}", 6: "fd00:9::{}"}  # private addresses beyond the gateway
RESOLVER_6 = {prefix: f"2001:db8:3::{number}" for prefix, number in (("64:ff9b::", 4), ("2001:db8:64::", 5))}
BEHIND_NAT64 = "192.31.196.{}"  # tayga keeps documentation's networks out of the well-known prefix (RFC 6052 section 3.1)
TAYGA = """tun-device {device}
ipv4-addr {pool}.1
ipv6-addr {address}
prefix {prefix}/96
dynamic-pool {pool}.0/24
"""
LONG_WAY = attacks.Distance(ROUND_TRIP_MS)
TTL_S = 300


class Places(promises_lab.Promises):
    """Domains are added by show(): `views` are the places that clients are told, and whether their answers are signed."""

    def __init__(self):
        super().__init__(("postfix", "swaks"))
        self._views = {}
        self._furnish_other_machine()
        far = self.world.far
        far.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"])  # to and from NAT64
        far.ip("route add local 10.9.9.0/24 dev lo", "route add local fd00:9::/64 dev lo",
               "route add local 192.31.196.0/24 dev lo")
        self.world.outside.ip("route add 10.9.9.0/24 via 203.0.113.130", "route add 192.31.196.0/24 via 203.0.113.130",
                              "route add fd00:9::/64 via 2001:db8:2:0:100::2",
                              *(f"route add {prefix}/96 via 2001:db8:2:0:100::2" for prefix in RESOLVER_6))

    # Two machines

    def _furnish_other_machine(self):
        """Another machine, with a key and a name of its own, at which any of the far addresses may be for a while."""
        self.other = namespaces.Host(self.world.directory, "other").ready()
        self.world.hosts.append(self.other)
        namespaces.link(self.world.outside, "other0", self.other, "in0")
        self.world.outside.ip("addr add 198.18.1.1/24 dev other0", "addr add 2001:db8:5::1/64 dev other0 nodad")
        self.other.ip("addr add 198.18.1.2/24 dev in0", "addr add 2001:db8:5::2/64 dev in0 nodad",
                      "route add local 198.51.100.0/24 dev lo", "route add local 2001:db8:3::/64 dev lo",
                      "route add default via 198.18.1.1", "route add ::/0 via 2001:db8:5::1")
        self.wide.add_side("other0")
        key, certificate = sink.make_key(self.world.directory, "other")
        self.other_sink = sink.Sink(self.other, key, certificate, name="other.lab")
        self.other_tlsa = dnsworld.tlsa(certificate)

    def lead_to_other(self, address):
        """From now on the way to that address ends at the other machine."""
        gateway, bits = ("2001:db8:5::2", 128) if ":" in address else ("198.18.1.2", 32)
        self.world.outside.ip(f"route replace {address}/{bits} via {gateway}")

    def lead_back(self, address):
        self.world.outside.ip(f"route del {address}/{128 if ':' in address else 32}")

    # Views

    def show(self, name, place=None, view_is_signed=False, **how):
        """A domain; clients are told that its mail host is at `place`."""
        zone = how.setdefault("zone", {})
        zone.setdefault("ttl", TTL_S)
        domain = self.add(name, **how)
        if place:
            self._views[name] = (place, view_is_signed)
        return domain

    def elsewhere(self, family):
        """An address that no domain has."""
        return world.far_address(next(self._numbers), family)

    def open(self):
        super().open()
        views = dnsworld.World(os.path.join(self.world.directory, "views"), OTHER_NAMESERVER)
        lines, stubs = [], []
        for name, (place, is_signed) in self._views.items():
            domain = self._domains[name]
            records = domain.records(self.tlsa).replace(domain.address, place)
            zone = views.zone(f"{domain.name}.", records, signed=is_signed, ttl=TTL_S)
            if is_signed:  # by the same keys: the site's resolver validates, and dns.guard sees true signatures
                zone.keys = [os.path.join(self.dns.directory, key) for key in self.dns.zones[zone.name].keys]
            elif domain.zone.get("signed"):
                lines.append(f'domain-insecure: "{domain.name}"')
            stubs += ["stub-zone:", f"name: {domain.name}", f"stub-addr: {OTHER_NAMESERVER}"]
        views.serve(self.world.far.command([]))
        namespaces.stop(self.resolver)
        self._anchors = [f'root-hints: "{self.dns.root_hints}"', f'trust-anchor-file: "{self.dns.trust_anchor}"']
        self.resolver = self.world.start_resolver(self._anchors + lines + stubs)
        for number, prefix in enumerate(RESOLVER_6):
            self._translate(prefix, number)
        return self

    # NAT64

    def _translate(self, prefix, number):
        """NAT64 at `far` for that prefix, and DNS64 at an address of its own."""
        far, device = self.world.far, f"nat64-{number}"
        path = os.path.join(self.world.directory, f"{device}.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TAYGA.format(device=device, pool=f"192.168.{number}", address=f"2001:db8:6::{number}", prefix=prefix))
        far.run([servers.tayga(), "--mktun", "-c", path])
        far.ip(f"link set {device} up", f"route add 192.168.{number}.0/24 dev {device}", f"route add {prefix}/96 dev {device}")
        far.spawn([servers.tayga(), "-d", "-c", path], stdout=namespaces.subprocess.DEVNULL,
                  stderr=namespaces.subprocess.DEVNULL)
        self.world.start_resolver([*self._anchors, 'module-config: "dns64 validator iterator"', f"dns64-prefix: {prefix}/96"],
                                  address=RESOLVER_6[prefix])

    @contextlib.contextmanager
    def ipv6_only(self, prefix):
        """The sender has no IPv4, and its resolver gives IPv4 addresses with that prefix."""
        postfix = self.senders["postfix"].server
        resolve = os.path.join(self.world.sender.etc, "resolv.conf")
        with open(resolve, encoding="utf-8") as file:
            before = file.read()
        self.world.sender.ip("addr del 192.0.2.2/25 dev out0")
        try:
            self._renew(postfix, resolve, f"nameserver {RESOLVER_6[prefix]}\noptions timeout:1 attempts:2\n",
                        postfix.MASTER.replace("- smtp\n", "- smtp -o inet_protocols=ipv6\n"))
            yield
        finally:
            self.world.sender.ip("addr add 192.0.2.2/25 dev out0", "route add default via 192.0.2.1")
            self._renew(postfix, resolve, before, postfix.MASTER)

    @staticmethod
    def _renew(postfix, resolve, servers_text, master):
        for path, text in ((resolve, servers_text), (os.path.join(postfix.host.etc, "postfix/master.cf"), master)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        # Its processes keep what they read.
        os.kill(namespaces.inner_pid(postfix.process), signal.SIGHUP)

    # Letters

    def stand(self, *settings, more=""):
        """A guard for which every domain here binds, and which listens to DNS."""
        path = os.path.join(self.world.directory, "watched")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{domain.name}\n" for domain in self._domains.values()))
        self.guard_at("routed", settings=("events.passes=true", "queues=1", "dns.guard=alert",
                                          f"tls.ca-file={self.authority.certificate}", f"watch={path}", *settings),
                      configuration=self.configuration + more)

    def reset(self):
        super().reset()
        self.other_sink.reset()

    def arrived(self, recipient):
        return self.sink.find(recipient) + self.other_sink.find(recipient)

    def honest(self, name):
        """A letter on an honest, long way, by Postfix with its own look-ups: as it was sent, and as it arrived."""
        outcome = self.send(name, LONG_WAY, "postfix")
        letters = self.arrived(outcome.recipient)
        assert outcome.attempt.result == "sent" and len(letters) == 1, (outcome, self.guard and self.guard.events())
        return outcome, letters[0]

    def findings(self):
        return [event for event in self.guard.events() if event["event"] != "ready" and event.get("action", "pass") != "pass"]
