# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains whose mail honestly goes to another place than hopguard's own look-ups name: geo-DNS, split views, one address on
two machines, and NAT64."""

import contextlib
import ipaddress
import os
import signal
import subprocess

import dnsworld
import namespaces
import promises_lab
import servers
import sink
import world
from hop_lab import OTHER_NAMESERVER

INNER = {4: "10.9.9.{}", 6: "fd00:9::{}"}  # private addresses beyond the gateway
NAT64_PREFIXES = ("64:ff9b::/96", "2001:db8:64::/96", "2001:db8:6400::/48")
BEHIND_NAT64 = "192.31.196.{}"  # tayga keeps documentation's networks out of the well-known prefix (RFC 6052 section 3.1)
TAYGA = """tun-device {device}
ipv4-addr {pool}.1
ipv6-addr {address}
prefix {prefix}
dynamic-pool {pool}.0/24
"""
TTL_S = 300


def dns64_of(prefix):
    """The address of the resolver that makes IPv6 addresses with it."""
    return f"2001:db8:3::{4 + NAT64_PREFIXES.index(prefix)}"


def behind(prefix, address):
    """How the translator writes an IPv4 address (RFC 6052 section 2.2)."""
    network, octets = ipaddress.ip_network(prefix), ipaddress.IPv4Address(address).packed
    at = network.prefixlen // 8
    text = bytearray(network.network_address.packed)
    for place, octet in zip([place for place in range(at, 16) if place != 8], octets):
        text[place] = octet
    return str(ipaddress.IPv6Address(bytes(text)))


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
                              *(f"route add {prefix} via 2001:db8:2:0:100::2" for prefix in NAT64_PREFIXES))

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
        self.other_key, certificate = sink.make_key(self.world.directory, "other")
        self.other_sink = sink.Sink(self.other, self.other_key, certificate, name="other.lab")
        self.other_tlsa = dnsworld.tlsa(certificate)

    def lead_to_other(self, address):
        """From now on the way to that address ends at the other machine."""
        gateway, bits = ("2001:db8:5::2", 128) if ":" in address else ("198.18.1.2", 32)
        self.world.outside.ip(f"route replace {address}/{bits} via {gateway}")

    def lead_back(self, address):
        self.world.outside.ip(f"route del {address}/{128 if ':' in address else 32}")

    @contextlib.contextmanager
    def lead_away_when_greeted(self, address):
        """The way changes when the first client of that address says EHLO: what follows comes to a machine that knows nothing of
        the connection."""
        answer = self.sink._capabilities

        def lead_away(stream, server):
            if server[0] == address:
                self.lead_to_other(address)
            return answer(stream, server)
        self.sink._capabilities = lead_away
        try:
            yield
        finally:
            self.sink._capabilities = answer
            self.lead_back(address)

    # Views

    def show(self, name, place=None, view_is_signed=False, view_host="mx", **how):
        """A domain; clients are told that its mail host, or one of another name, is at `place`."""
        zone = how.setdefault("zone", {})
        zone.setdefault("ttl", TTL_S)
        domain = self.add(name, **how)
        if place:
            self._views[name] = (place, view_is_signed, view_host)
            self.certify(place, f"{view_host}.{domain.name}")
        return domain

    def certify(self, address, *names, **how):
        super().certify(address, *names, **how)
        self.other_sink.show_at(address, self.other_key, self.authority.issue(*names, key=self.other_key))

    def elsewhere(self, family):
        """An address that no domain has."""
        return world.far_address(next(self._numbers), family)

    def open(self):
        super().open()
        views = dnsworld.World(os.path.join(self.world.directory, "views"), OTHER_NAMESERVER)
        lines, stubs = [], []
        for name, (place, is_signed, host) in self._views.items():
            domain = self._domains[name]
            records = domain.records(self.tlsa).replace(domain.address, place)
            records = records.replace("@ MX 10 mx", f"@ MX 10 {host}").replace("\nmx ", f"\n{host} ")
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
        for number, prefix in enumerate(NAT64_PREFIXES):
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
        far.ip(f"link set {device} up", f"route add 192.168.{number}.0/24 dev {device}", f"route add {prefix} dev {device}")
        far.spawn([servers.tayga(), "-d", "-c", path], stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
        self.world.start_resolver([*self._anchors, 'module-config: "dns64 validator iterator"', f"dns64-prefix: {prefix}"],
                                  address=dns64_of(prefix))

    @contextlib.contextmanager
    def ipv6_only(self, prefix):
        """The sender has no IPv4, and its resolver gives IPv4 addresses with that prefix."""
        postfix = self.senders["postfix"].server
        resolve = os.path.join(self.world.sender.etc, "resolv.conf")
        with open(resolve, encoding="utf-8") as file:
            before = file.read()
        self.world.sender.ip("addr del 192.0.2.2/25 dev out0")
        try:
            self._renew(postfix, resolve, f"nameserver {dns64_of(prefix)}\noptions timeout:1 attempts:2\n",
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

    def stand(self, nat64=NAT64_PREFIXES[1:]):
        """A guard for which every domain here binds, and which listens to DNS; nat64: whose translators it knows."""
        path = os.path.join(self.world.directory, "watched")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{domain.name}\n" for domain in self._domains.values()))
        self.guard_at("routed", settings=("events.passes=true", "queues=1", "dns.guard=alert", f"watch={path}", f"nat64={{{', '.join(nat64)}}}"),
                      configuration=self.configuration)

    def reset(self):
        super().reset()
        self.other_sink.reset()

    def arrived(self, recipient):
        return self.sink.find(recipient) + self.other_sink.find(recipient)

    def honest(self, name):
        """A letter on an honest way, by Postfix with its own look-ups: as it was sent, and as it arrived."""
        outcome = self.send(name, sender="postfix")
        letters = self.arrived(outcome.recipient)
        assert outcome.attempt.result == "sent" and len(letters) == 1, (outcome, self.guard and self.guard.events())
        return outcome, letters[0]

    def findings(self):
        return [event for event in self.guard.events() if event["event"] != "ready" and event.get("action", "pass") != "pass"]
