# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains, each with a key of its own, of which one is a stranger's, a resolver that is answered otherwise than hopguard is, an attacker who forges
its answers, and a relay that takes passwords: for the question whose hop a connection is."""

import contextlib
import json
import os
import time

import dns.rdatatype
import dns.rrset

import attacks
import authority
import dns_attacker
import dnsworld
import guard
import lab
import mta
import namespaces
import receivers
import sink
import world

OTHER_NAMESERVER = "198.51.100.3"  # the same zones as other clients see them
INNER = "10.9.9.9"                 # a private address beyond the gateway
OPEN_RELAY = world.far_address(252, 4)
KEY = "_25._tcp.mx TLSA KEY\n"
# Without any way to go a client is at a server before hopguard has read what led it there, on a machine that has much to do.
ROUND_TRIP_MS = 20
# By zone: number of the address of its mail server, its keys, whether it is signed.
ZONES = {
    "bank": (10, KEY, True), "watched": (11, KEY, True), "listed": (12, "", False), "smart": (13, KEY, True),
    "dumb": (14, "", True), "plain": (20, "", False), "geo": (30, KEY, True), "split": (32, KEY, True),
    "evil": (66, "", False), "stranger": (67, KEY, True),
}
ADDRESSES = {name: world.far_address(number, 4) for name, (number, _, _) in ZONES.items()}
GEO_ELSEWHERE = world.far_address(31, 4)


class Relay(receivers.ReceivingExim):
    """Takes passwords, in clear as well."""

    def __init__(self, host):
        host.ip(f"addr add {OPEN_RELAY}/32 dev lo")
        super().__init__(host)

    def configure(self):
        self.addresses = [*self.addresses, OPEN_RELAY]
        super().configure()

    def _file(self, path, text):
        text = text.replace("begin authenticators\n", "begin authenticators\nplain:\n  driver = plaintext\n"
                            "  public_name = PLAIN\n  server_prompts = :\n  server_condition = yes\n")
        super()._file(path, text)


def zones():
    for name, (number, keys, is_signed) in ZONES.items():
        records = f"@ MX 10 mx\nmx A {world.far_address(number, 4)}\n{keys}"
        yield f"{name}.lab.", records, {"signed": is_signed}


class HopLab(lab.Lab):
    def __init__(self):
        self.authority, self._keys = None, {}
        before = mta.ALL["postfix"], receivers.ALL["exim"]
        mta.ALL["postfix"], receivers.ALL["exim"] = mta.PatientPostfix, Relay
        try:
            super().__init__(("postfix", "swaks"), ("exim",), list(zones()))
        finally:
            mta.ALL["postfix"], receivers.ALL["exim"] = before
        self.world.far.ip("route add local 10.9.9.0/24 dev lo")
        self.world.outside.ip("route add 10.9.9.0/24 via 203.0.113.130")
        self._show_other_views()
        self.have_key(GEO_ELSEWHERE, "geo")
        self.have_key(INNER, "split")
        self.path = dns_attacker.DnsAttacker(self.world.outside, "in0")
        self.greeted = []  # addresses of servers to which a client said EHLO inside TLS
        self._listen_to_greetings()

    def key_of_zone(self, zone):
        """Each has one, and a certificate for its host; of the lab's authority, as a list asks for that."""
        name = zone.split(".")[0]
        key, certificate = sink.make_key(self.world.directory, f"mx.{name}.lab")
        self.authority = self.authority or authority.Authority(self.world.directory)
        self._keys[name] = key, self.authority.issue(f"mx.{name}.lab", key=key)
        self.have_key(ADDRESSES[name], name)
        return dnsworld.tlsa(certificate)

    def have_key(self, address, name):
        """From now on the host at that address is one of that domain's."""
        self.sink.show_at(address, *self._keys[name])

    def _listen_to_greetings(self):
        answer = self.sink._capabilities

        def note(stream, server):
            if stream.is_tls:
                self.greeted.append(server[0])
            return answer(stream, server)
        self.sink._capabilities = note

    def _show_other_views(self):
        """What the client's resolver is told of two zones, and hopguard is not."""
        views = dnsworld.World(os.path.join(self.world.directory, "views"), OTHER_NAMESERVER)
        views.zone("geo.lab.", f"@ MX 10 mx\nmx A {GEO_ELSEWHERE}\n", signed=False)
        views.zone("split.lab.", f"@ MX 10 mx\nmx A {INNER}\n", signed=False)
        views.serve(self.world.far.command([]))
        namespaces.stop(self.resolver)
        lines = [f'root-hints: "{self.dns.root_hints}"', f'trust-anchor-file: "{self.dns.trust_anchor}"',
                 "private-domain: split.lab"]
        stubs = []
        for name in ("geo.lab", "split.lab"):
            lines.append(f"domain-insecure: {name}")
            stubs += ["stub-zone:", f"name: {name}", f"stub-addr: {OTHER_NAMESERVER}"]
        self.resolver = self.world.start_resolver(lines + stubs)

    def stand(self, *settings, sections="", watch=(), listed=None):
        """A guard that knows nothing yet of anybody."""
        if self.guard:
            self.guard.stop()
        self.guard = guard.Guard(self.world.gateway, self.world.directory, self.dns, world.CLIENTS,
                                 ("events.passes=true", "queues=1", f"tls.ca-file={self.authority.certificate}",
                                  *settings))
        text = sections
        if watch:
            text += f'watch = "{self._file("watch", "".join(one + chr(10) for one in watch))}"\n'
        if listed:
            now = int(time.time())
            policies = {name: {"mode": "enforce", "mxs": hosts} for name, hosts in listed.items()}
            text += 'policy-list "{}" {{}}\n'.format(self._file("list.json", json.dumps(
                {"version": "0.1", "timestamp": now, "expires": now + 86400, "policy-aliases": {}, "policies": policies})))
        with open(self.guard.configuration, "w", encoding="utf-8") as file:
            file.write(text)
        self.guard.start()
        self.reset()
        self.wide.start(attacks.Distance(ROUND_TRIP_MS))
        self.greeted.clear()
        self.senders["postfix"].reset()
        return self.guard

    def _file(self, name, text):
        path = os.path.join(self.guard.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def leave(self):
        """No guard, and no rules."""
        if self.guard:
            self.guard.stop()
        self.guard = None
        self.reset()
        self.greeted.clear()
        self.senders["postfix"].reset()

    @contextlib.contextmanager
    def leading(self, domain, host, us_too=False):
        """Clients are told that the domain's mail goes to that host; us_too: so is everybody."""
        def forge(answer):
            question = answer.question[0]
            if question.rdtype == dns.rdatatype.MX and question.name.to_text() == f"{domain}.":
                answer.answer[:] = [dns.rrset.from_text(question.name, 300, "IN", "MX", f"10 {host}.")]
        with self.path.forging(forge, None if us_too else world.SENDER[4]):
            yield

    def send(self, recipient):
        """By Postfix, with its own look-ups: (Attempt, letters that arrived)"""
        attempt = self.senders["postfix"].deliver(None, recipient, "a letter", lab.DELIVERY_S + mta.PATIENT_S)
        return attempt, self.sink.find(recipient)

    def swaks(self, address, recipient, *words):
        return self.world.sender.run(
            ["swaks", "--server", address, "--port", 25, "--to", recipient, "--from", "postmaster@sender.lab", "--helo",
             "sender.lab", "--timeout", f"{mta.PATIENT_S}s", "--body", "a letter", *words], check=False, timeout=60)

    def event(self, timeout_s=3, **wanted):
        """The first event with these fields."""
        def fits(one):
            return one["event"] == "verdict" and all(one.get(key) == value for key, value in wanted.items())
        event = self.guard.wait_for(fits, timeout_s)
        assert event, (wanted, self.guard.events())
        return event

    def refusals(self):
        return [one for one in self.guard.events() if one.get("action") in ("block", "defer")]
