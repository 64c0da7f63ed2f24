# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab with domains of every kind of promise, each with a zone and an address of its own, and the policy hosts (nginx)
of those that have an MTA-STS policy."""

import contextlib
import dataclasses
import json
import os
import sqlite3
import subprocess
import time

import authority
import clients
import destinations
import dnsworld
import lab
import namespaces
import senders
import sts_lab
import world

SENDERS = ("postfix", "plain", "opportunistic")
PATIENCE_S = 25
TTL_S = 1          # of all that changes
FAULTY = world.far_address(8, 4)
POLICY_HOST = 3    # number of its address
NO_STARTTLS, WRONG_PLACE = "421 4.7.4", "421 4.7.5"


def policy(mode="enforce", mx="mx.example.org", max_age=604800):
    return f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n"


class PolicyHost(sts_lab.Nginx):
    """nginx at `far`; number: of its addresses."""

    def __init__(self, directory, far, number):
        super().__init__(directory, far.command([]), [world.far_address(number, family) for family in (4, 6)],
                         f"nginx-{number}")

    def stop(self):
        if self.process:
            namespaces.stop(self.process)
        self.process = None


@dataclasses.dataclass
class Domain:
    """Its mail goes to mx.NAME at the address of that number, or at `place`; `id` is that of its MTA-STS policy. Its host has the
    sink's key, and a certificate of the lab's authority for these names: for its own."""

    name: str
    number: int
    mx: str = "mx"
    id: str = ""
    policy_host: int = POLICY_HOST
    has_tlsa: bool = False
    more: str = ""
    family: int = 4
    place: str = ""
    zone: dict = dataclasses.field(default_factory=dict)
    certified: tuple = ()
    is_self_signed: bool = False

    @property
    def host(self):
        return self.mx[:-1] if self.mx.endswith(".") else f"{self.mx}.{self.name}"

    @property
    def address(self):
        return self.place or world.far_address(self.number, self.family)

    @property
    def destination(self):
        return destinations.Destination("promised", self.name, f"mx.{self.name}", self.family, (self.address,))

    def records(self, tlsa):
        lines = [f"@ MX 10 {self.mx}", f"mx {'A' if self.family == 4 else 'AAAA'} {self.address}", self.more]
        if self.has_tlsa:
            lines.append(f"_25._tcp.mx TLSA {tlsa}")
        if self.id:
            lines += [f'_mta-sts TXT "v=STSv1; id={self.id};"', f"mta-sts A {world.far_address(self.policy_host, 4)}"]
        return "\n".join(lines) + "\n"


class Promises(lab.Lab):
    """Domains are added before open(); they are unsigned unless they say otherwise."""

    def __init__(self, with_senders=SENDERS, with_receivers=()):
        super().__init__(with_senders=with_senders, with_receivers=with_receivers)
        # Look-ups that end in nothing take seconds, and who goes away before learns nothing.
        self.senders["plain"] = senders.DirectSender(clients.Client(self.world.sender, PATIENCE_S))
        self.authority = authority.Authority(self.world.directory)
        self.policy_hosts = {}
        self._domains = {}
        self._numbers = iter(range(10, 250))
        self._faults = []

    def add(self, name, text=None, faults=(), **how):
        """text: of its MTA-STS policy; faults: (type, name) below the domain, fault) of its name server."""
        zone = {"signed": False, "ttl": TTL_S, **how.pop("zone", {})}
        if faults:
            zone["address"] = FAULTY
            self._faults += [(kind, f"{below}.{name}.lab.", fault) for kind, below, fault in faults]
        domain = Domain(f"{name}.lab", next(self._numbers), zone=zone, **how)
        if text is not None:
            domain.id = domain.id or "1"
            self._policy_host(domain.policy_host).host(
                domain.name, self.authority.issue(f"mta-sts.{domain.name}"), self.authority.key, text)
        self._domains[name] = domain
        self._write(domain)
        self.certify(domain.address, *(domain.certified or {f"mx.{domain.name}", domain.host}), self_signed=domain.is_self_signed)
        return domain

    def certify(self, address, *names, self_signed=False):
        """The host at that address has a certificate for these names."""
        self.sink.show_at(address, self.key, self.authority.issue(*names, key=self.key, self_signed=self_signed))

    def __getitem__(self, name):
        return self._domains[name]

    def _policy_host(self, number):
        if number not in self.policy_hosts:
            self.policy_hosts[number] = PolicyHost(self.world.directory, self.world.far, number)
        return self.policy_hosts[number]

    def _write(self, domain):
        self.dns.zone(domain.name + ".", domain.records(self.tlsa), **domain.zone)

    def guard_at(self, place, world_place=None, settings=(), configuration=""):
        return super().guard_at(place, world_place, (f"tls.ca-file={self.authority.certificate}", *settings), configuration)

    def open(self):
        # A route makes IPv6 addresses local, but not free to be bound.
        self.world.far.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind"])
        for host in self.policy_hosts.values():
            host.start()
        self.renew()
        if self._faults:
            dnsworld.Faulty(self.dns, FAULTY, self._faults, self.world.far.command([]))
        return self

    def change(self, name, **what):
        """Followed by renew()."""
        for key, value in what.items():
            setattr(self._domains[name], key, value)
        self._write(self._domains[name])
        if "place" in what:
            self.certify(what["place"], f"mx.{name}.lab")

    def publish(self, name, text):
        domain = self._domains[name]
        self.policy_hosts[domain.policy_host].publish(domain.name, text)

    def renew(self):
        """All name servers and caches have the zones as they are now."""
        for process in self.nameserver.processes:
            namespaces.stop(process)
        self.nameserver.processes = []
        self.nameserver.start()
        time.sleep(TTL_S + 0.2)

    def send(self, name, attack=None, sender="plain", to=None, retries=False):
        """One letter to the domain; to: at the host of another. A refusal that repeats within a minute is only counted."""
        destination = self._domains[name].destination
        if to:
            destination = destination._replace(addresses=(self._domains[to].address,))
        return self.carry(attack, sender, destination, retries, PATIENCE_S)

    # What the guard says

    def verdict(self, outcome, says=""):
        """The event of that letter's verdict: the first, or that whose id is in the sender's words."""
        return self.guard.wait_for(lambda event: event["event"] == "verdict" and
                                   event.get("domain") == outcome.destination.domain and
                                   (not says or event["id"] in says))

    def refused(self, outcome, reason, source, action="block", code=NO_STARTTLS):
        """The event of a refusal that lost nothing and told everybody the same. code: none in TLS, where there is no reply."""
        assert outcome.attempt.result in ("kept", "failed") and not outcome.clear and not outcome.arrived, outcome
        event = self.verdict(outcome, code and outcome.attempt.why)
        assert event, (outcome, self.guard.events())
        assert (event["action"], event["reason"], event["promise"]["source"]) == (action, reason, source), event
        if code:
            assert all(word in outcome.attempt.why for word in (code, reason, event["id"])), outcome.attempt.why
        assert self.syslog.wait_for(f"action={action}", f"reason={reason}", f"id={event['id']}"), self.syslog.lines()
        return event

    def told(self, outcome, reason, source):
        """The event of a letter that passed in clear all the same."""
        assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome
        event = self.verdict(outcome)
        assert event, self.guard.events()
        assert (event["action"], event["reason"], event["promise"]["source"]) == ("alert", reason, source), event
        return event

    def passed(self, outcome):
        """It arrived, and the guard has nothing to say of it; of a letter before it, a probe may tell later."""
        assert outcome.attempt.result == "sent" and outcome.arrived, outcome
        findings = [event for event in self.guard.events() if event["event"] == "verdict" and event["action"] != "pass" and
                    (event["reason"] != "probe-differs" or event["domain"] == outcome.destination.domain)]
        assert not findings, findings

    def policy_event(self, name, *words, timeout_s=3):
        """An event about a domain's promise, that holds all the words, since the guard's very start."""
        end = time.monotonic() + timeout_s
        while True:
            found = [event for event in self.guard.events(from_start=True)
                     if event["event"] == "policy" and event.get("domain") == self._domains[name].name and
                     all(word in event["text"] for word in words)]
            if found or time.monotonic() > end:
                return found[0] if found else None
            time.sleep(0.1)

    def explain(self, name):
        """(exit status, page as JSON, evidence by source, text)"""
        subject = self._domains[name].name if name in self._domains else name
        words = self.guard.command("explain", subject, "--socket", self.guard.socket)
        pages = [subprocess.run(self.guard.host.command([*words, *more]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                text=True, check=False, timeout=60) for more in (["--json"], [])]
        assert pages[0].returncode == pages[1].returncode, pages
        page = json.loads(pages[0].stdout)
        assert page["is_finding"] == bool(pages[0].returncode), pages
        return pages[0].returncode, page, {one["source"]: one for one in page["evidence"]}, pages[1].stdout

    # What it remembers

    def database(self):
        return sqlite3.connect(os.path.join(self.guard.state, "database", "hopguard.db"), isolation_level=None, timeout=5)

    def stored(self, query, *arguments):
        with contextlib.closing(self.database()) as database:
            return database.execute(query, arguments).fetchall()

    def wait_until_stored(self, query, *arguments, timeout_s=10):
        end = time.monotonic() + timeout_s
        while not self.stored(query, *arguments):
            assert time.monotonic() < end, query
            time.sleep(0.1)

    def restart(self, *changes, between=lambda: None):
        """Stops the whole daemon and starts it anew; changes: to its database meanwhile."""
        self.guard.stop()
        between()
        for change in changes:
            self.stored(*change)
        for name in os.listdir(self.guard.state):
            os.chown(os.path.join(self.guard.state, name), *namespaces.USERS["hopguard"])
        self.guard.mark()
        self.guard.start()
